/* The shipped JSON schema says the same as the tables that the report is written from. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "sallyport/model.h"

static int setup(void **state)
{
	json_error_t why;
	*state = json_load_file("docs/report.schema.json", JSON_REJECT_DUPLICATES, &why);
	if (!*state)
		print_error("docs/report.schema.json:%d: %s\n", why.line, why.text);
	return *state ? 0 : -1;
}

static int teardown(void **state)
{
	json_decref(*state);
	return 0;
}

/* The properties of one item of a list of the report. */
static json_t *item_of(json_t *schema, const char *list)
{
	json_t *properties = json_object_get(schema, "properties");
	json_t *items = json_object_get(json_object_get(properties, list), "items");
	json_t *found = json_object_get(items, "properties");
	assert_non_null(found);
	return found;
}

/* "number", or the first of ["number", "null"]. */
static const char *first_type(json_t *type)
{
	return json_string_value(json_is_array(type) ? json_array_get(type, 0) : type);
}

static void every_attribute_is_described(void **state)
{
	static const char *const types[] = {[ATTR_INT] = "integer",
					    [ATTR_REAL] = "number",
					    [ATTR_BOOL] = "boolean",
					    [ATTR_TEXT] = "string"};
	static const char *const fixed[] = {"n", "t", "check", "target", "attempt", "outcome"};
	json_t *known = item_of(*state, "observations");
	for (size_t i = 0; i < ATTR_COUNT; i++) {
		json_t *one = json_object_get(known, attr_defs[i].name);
		const char *type = first_type(json_object_get(one, "type"));
		if (!type || strcmp(type, types[attr_defs[i].type]) != 0)
			fail_msg("attribute %s is '%s' in the schema, not '%s'", attr_defs[i].name,
				 type ? type : "missing", types[attr_defs[i].type]);
	}
	size_t extra = json_object_size(known) - ATTR_COUNT;
	for (size_t i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++)
		extra -= json_object_get(known, fixed[i]) != NULL;
	if (extra)
		fail_msg("%zu attributes of the schema are written by nobody", extra);
}

static void same_words(json_t *properties, const char *key, const char *const *names, size_t n)
{
	json_t *words = json_object_get(json_object_get(properties, key), "enum");
	assert_int_equal(json_array_size(words), n);
	for (size_t i = 0; i < n; i++) {
		bool found = false;
		for (size_t k = 0; k < n; k++)
			found |= strcmp(json_string_value(json_array_get(words, k)), names[i]) == 0;
		if (!found)
			fail_msg("%s lacks the word '%s'", key, names[i]);
	}
}

static void every_word_is_described(void **state)
{
	json_t *run = json_object_get(
		json_object_get(json_object_get(*state, "properties"), "run"), "properties");
	same_words(item_of(*state, "observations"), "outcome", outcome_names, OUTCOME_COUNT);
	same_words(item_of(*state, "checks"), "state", state_names, STATE_COUNT);
	same_words(item_of(*state, "verdicts"), "state", state_names, STATE_COUNT);
	same_words(item_of(*state, "verdicts"), "confidence", confidence_names, CONF_COUNT);
	same_words(item_of(*state, "kinds"), "state", kind_state_names, KIND_STATE_COUNT);
	same_words(run, "ended", end_reason_names, END_COUNT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_attribute_is_described),
		cmocka_unit_test(every_word_is_described),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
