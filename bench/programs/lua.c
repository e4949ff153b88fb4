/* Runs a program in Lua 5.4: lua FILE COUNT, with `start` and `finish` for the markers. */
#include <lauxlib.h>
#include <lualib.h>
#include "bench.h"

static char **arguments;

static int start(lua_State *lua)
{
	lua_pushinteger(lua, bench_start("lua", 2, arguments + 1));
	return 1;
}

static int finish(lua_State *lua)
{
	bench_end("lua", (uint32_t)luaL_checkinteger(lua, 1));
	return 0;
}

int main(int argc, char **argv)
{
	lua_State *lua = luaL_newstate();
	if (!lua || argc != 3)
		return 2;
	arguments = argv;
	luaL_openlibs(lua);
	lua_register(lua, "start", start);
	lua_register(lua, "finish", finish);
	if (luaL_dofile(lua, argv[1])) {
		fprintf(stderr, "%s\n", lua_tostring(lua, -1));
		return 3;
	}
	lua_close(lua);
	return 0;
}
