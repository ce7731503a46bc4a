/* The least that running programs one after the other can cost: spawns /bin/true `steps` times, `jobs`
   of them at once. Given a database as well, it makes one durable commit a step before it starts. */

#define _GNU_SOURCE
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <sqlite3.h>

extern char **environ;

static void must(int good, const char *what) {
    if (!good) {
        fprintf(stderr, "%s failed\n", what);
        exit(1);
    }
}

int main(int count, char **arguments) {
    must(count >= 3, "usage: spawn_loop STEPS JOBS [DATABASE]: reading it");
    int steps = atoi(arguments[1]), jobs = atoi(arguments[2]);
    sqlite3 *store = NULL;
    sqlite3_stmt *insert = NULL;
    if (count > 3) {
        must(sqlite3_open(arguments[3], &store) == SQLITE_OK, "opening the database");
        const char *set = "pragma journal_mode = wal; pragma synchronous = full;"
                          "create table steps (number integer primary key, body text not null)";
        must(sqlite3_exec(store, set, NULL, NULL, NULL) == SQLITE_OK, "setting it up");
        const char *sql = "insert into steps values (?, '{\"event\":\"started\",\"entry\":\"step\"}')";
        must(sqlite3_prepare_v2(store, sql, -1, &insert, NULL) == SQLITE_OK, "preparing");
    }
    char *program[] = {"true", NULL};
    int running = 0;
    for (int step = 0; step < steps || running > 0;) {
        if (step < steps && running < jobs) {
            if (insert) {
                sqlite3_bind_int(insert, 1, step);
                must(sqlite3_step(insert) == SQLITE_DONE, "the commit");
                sqlite3_reset(insert);
            }
            pid_t child;
            must(posix_spawn(&child, "/bin/true", NULL, NULL, program, environ) == 0, "the spawn");
            step++;
            running++;
            continue;
        }
        int status;
        must(wait(&status) > 0 && status == 0, "a program");
        running--;
    }
    sqlite3_finalize(insert);
    sqlite3_close(store);
    return 0;
}
