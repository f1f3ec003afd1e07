/* Replays a fuzz target over files and folders given as arguments: the corpora run in every CI,
 * with any compiler. Prints one line that counts the inputs. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

enum { INPUT_BYTES_MAX = 1 << 20 };

static unsigned run_file(const char *path)
{
	FILE *f = fopen(path, "re");
	if (!f) {
		perror(path);
		exit(1);
	}
	uint8_t *buf = malloc(INPUT_BYTES_MAX);
	size_t n = buf ? fread(buf, 1, INPUT_BYTES_MAX, f) : 0;
	fclose(f);
	/* An exact copy, so that a read past the end meets the sanitizer's red zone. */
	uint8_t *exact = malloc(n ? n : 1);
	if (!buf || !exact)
		exit(1);
	memcpy(exact, buf, n);
	free(buf);
	LLVMFuzzerTestOneInput(exact, n);
	free(exact);
	return 1;
}

static unsigned run_path(const char *path)
{
	DIR *d = opendir(path);
	if (!d)
		return run_file(path);
	unsigned n = 0;
	for (struct dirent *e; (e = readdir(d));) {
		char child[4096];
		snprintf(child, sizeof(child), "%s/%s", path, e->d_name);
		if (e->d_name[0] != '.')
			n += run_path(child);
	}
	closedir(d);
	return n;
}

int main(int argc, char **argv)
{
	unsigned n = 0;
	for (int i = 1; i < argc; i++)
		n += run_path(argv[i]);
	printf("%u inputs replayed\n", n);
	return n ? 0 : 1;
}
