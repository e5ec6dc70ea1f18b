/* Preloaded, it keeps what would survive a loss of power: what was synced, and nothing else.
 *
 * POWER_ROOT is the folder that is watched, POWER_KEPT the folder of what is kept: data/<inode> has
 * the bytes of a file as it was last synced, names/<inode> the entries of a folder. hold/<inode> is
 * a link, so that no inode is used twice.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int place(char *into, const char *kind, unsigned long inode, const char *ending) {
    const char *kept = getenv("POWER_KEPT");
    return snprintf(into, 4096, "%s/%s/%lu%s", kept, kind, inode, ending);
}

static void keep_data(const char *path, unsigned long inode, const char *draft) {
    char block[65536], hold[4096];
    ssize_t size;
    int from = open(path, O_RDONLY), to = open(draft, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    while ((size = read(from, block, sizeof block)) > 0)
        if (write(to, block, size) != size)
            abort();
    close(from);
    close(to);
    place(hold, "hold", inode, "");
    (void)!link(path, hold);
}

static void keep_names(const char *path, const char *draft) {
    struct dirent *entry;
    DIR *folder = opendir(path);
    FILE *to = fopen(draft, "w");
    while (folder && (entry = readdir(folder)))
        if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, ".."))
            fprintf(to, "%lu %s%c", (unsigned long)entry->d_ino, entry->d_name, 0);
    fclose(to);
    closedir(folder);
}

static int keep(int file) {
    char link[64], path[4096], draft[4096], final[4096], ending[64];
    const char *root = getenv("POWER_ROOT");
    struct stat status;
    ssize_t length;
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    if (fstat(file, &status) || (length = readlink(link, path, sizeof path - 1)) < 0)
        return -1;
    path[length] = 0;
    if (!root || strncmp(path, root, strlen(root)))
        return 0;
    const char *kind = S_ISDIR(status.st_mode) ? "names" : "data";
    snprintf(ending, sizeof ending, ".%d", gettid());
    place(draft, kind, status.st_ino, ending);
    place(final, kind, status.st_ino, "");
    if (S_ISDIR(status.st_mode))
        keep_names(path, draft);
    else
        keep_data(path, status.st_ino, draft);
    return rename(draft, final);
}

int fsync(int file) { return keep(file); }
int fdatasync(int file) { return keep(file); }
