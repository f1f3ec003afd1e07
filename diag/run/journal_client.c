/* The client of --as-client as a JSON object and back; the same object stands in the JSON report. */
#include "journal_client.h"

#include "sallyport/run_json.h"
#include "sallyport/text.h"

static const struct text {
	const char *key;
	size_t offset, size;
} texts[] = {
#define T(key, member) { key, offsetof(struct as_client_facts, member), sizeof(((struct as_client_facts *)0)->member) }
	T("name", name), T("kind", kind), T("dhcp", dhcp),
#undef T
};
static const struct number {
	const char *key;
	size_t offset;
} numbers[] = {
#define N(key) { #key, offsetof(struct as_client_facts, key) }
	N(lease_s), N(packets), N(bytes), N(waited_ms),
#undef N
};
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

json_t *run_json_client(const struct as_client_facts *c)
{
	char server[ADDR_STRLEN];
	if (!c->name[0])
		return json_null();
	json_t *j = json_object();
	for (size_t i = 0; i < COUNT(texts); i++) {
		const char *s = (const char *)c + texts[i].offset;
		run_json_text(j, texts[i].key, *s ? s : NULL);
	}
	run_json_text(j, "server", c->server.family ? addr_format(&c->server, server) : NULL);
	for (size_t i = 0; i < COUNT(numbers); i++) {
		const uint32_t *n = (const void *)((const char *)c + numbers[i].offset);
		json_object_set_new(j, numbers[i].key, json_integer(*n));
	}
	return j;
}

static bool read_text(const json_t *v, char *out, size_t size)
{
	if (!v || json_is_null(v))
		return true;
	if (!json_is_string(v))
		return false;
	char text[64];
	text_printable(text, sizeof(text), wire_text_str(json_string_value(v)));
	text_copy(out, size, text);
	return true;
}

static bool read_number(const json_t *v, uint32_t *out)
{
	if (!v)
		return true;
	if (!json_is_integer(v) || json_integer_value(v) < 0 || json_integer_value(v) > UINT32_MAX)
		return false;
	*out = (uint32_t)json_integer_value(v);
	return true;
}

bool client_from_json(const json_t *j, struct as_client_facts *out)
{
	struct as_client_facts c = { .lease_s = 0 };
	const json_t *server = json_object_get(j, "server");
	if (json_is_null(j))
		return true;
	bool ok = json_is_object(j) &&
		  (!server || json_is_null(server) ||
		   (json_is_string(server) && addr_parse(json_string_value(server), &c.server) == 0));
	for (size_t i = 0; i < COUNT(texts) && ok; i++)
		ok = read_text(json_object_get(j, texts[i].key), (char *)&c + texts[i].offset, texts[i].size);
	for (size_t i = 0; i < COUNT(numbers) && ok; i++)
		ok = read_number(json_object_get(j, numbers[i].key),
				 (void *)((char *)&c + numbers[i].offset));
	if (ok)
		*out = c;
	return ok;
}
