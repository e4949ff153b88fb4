/* Compiles a C file in memory with the Tiny C Compiler: tcc FILE COUNT. */
#include <libtcc.h>
#include <string.h>
#include "bench.h"

static char *source;

static void load(const char *path)
{
	FILE *file = fopen(path, "r");
	long size;
	if (!file || fseek(file, 0, SEEK_END) < 0 || (size = ftell(file)) < 0)
		die(path);
	rewind(file);
	source = calloc(size + 1, 1);
	if (!source || fread(source, 1, size, file) != (size_t)size)
		die(path);
	fclose(file);
}

/* The preprocessed form of FILE, on standard output: how the guest's source file is made. */
static int preprocess(const char *path, char **include, int count)
{
	TCCState *tcc = tcc_new();
	tcc_set_options(tcc, "-nostdinc -P");
	tcc_set_output_type(tcc, TCC_OUTPUT_PREPROCESS);
	for (int i = 0; i < count; i++)
		tcc_add_sysinclude_path(tcc, include[i]);
	return tcc_add_file(tcc, path) < 0;
}

int main(int argc, char **argv)
{
	if (argc > 3 && strcmp(argv[1], "-E") == 0)
		return preprocess(argv[2], argv + 3, argc - 3);
	if (argc != 3)
		return 2;
	load(argv[1]);
	uint32_t compiled = 0;
	for (long n = bench_start("tcc", argc - 1, argv + 1); n > 0; n--) {
		TCCState *tcc = tcc_new();
		tcc_set_options(tcc, "-nostdlib");
		tcc_set_output_type(tcc, TCC_OUTPUT_OBJ);
		if (tcc_compile_string(tcc, source) < 0)
			return 3;
		tcc_delete(tcc);
		compiled++;
	}
	return bench_end("tcc", compiled);
}
