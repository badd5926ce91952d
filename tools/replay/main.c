/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * replay LOG: runs an injection log, as the console printed it, through this build's scheduler and reports
 * the first decision that differs. A file may hold several logs, each with its head line. Status 0: all the
 * same.
 */
#include <inttypes.h>
#include <stdio.h>

#include "tools/replay/replay.h"

int main(int argc, char **argv)
{
    static struct replay replay;
    char line[4096];
    uint64_t taken = 0;
    unsigned number = 0;
    FILE *file;

    if (argc != 2) {
        fprintf(stderr, "usage: replay LOG\n");
        return 2;
    }
    file = fopen(argv[1], "r");
    if (file == NULL) {
        perror(argv[1]);
        return 2;
    }
    replay_start(&replay);
    while (fgets(line, sizeof(line), file) != NULL) {
        number++;
        switch (replay_line(&replay, line)) {
        case REPLAY_IGNORED:
            break;
        case REPLAY_SAME:
            taken++;
            break;
        case REPLAY_DIVERGED:
            printf("%s:%u: DIVERGES: %s\n", argv[1], number, replay.message);
            return 1;
        case REPLAY_BAD:
            fprintf(stderr, "%s:%u: %s\n", argv[1], number, replay.message);
            return 2;
        }
    }
    fclose(file);
    if (taken == 0) {
        fprintf(stderr, "%s: no injection log in it\n", argv[1]);
        return 2;
    }
    printf("%s: %" PRIu64 " lines, every decision the same\n", argv[1], taken);
    return 0;
}
