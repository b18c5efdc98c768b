/* Plugin of QEMU: notes how many instructions the emulated program had run at each of its calls of getpgid and getsid.

   Nothing else calls those, so a program marks with them what it wants counted. A line for each, into the file named by
   the argument out=FILE: the number of the system call on aarch64, and the instructions so far. What follows are the
   declarations of QEMU's documented plugin interface that are needed (docs/devel/tcg-plugins.rst), as Debian ships no
   header; API is the version of the interface that the QEMU at hand asks for. */

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

typedef uint64_t id;
struct qemu_plugin_tb;
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *block);
void qemu_plugin_register_vcpu_tb_trans_cb(id plugin, void (*call)(id, struct qemu_plugin_tb *));
void qemu_plugin_register_vcpu_tb_exec_cb(struct qemu_plugin_tb *block, void (*call)(unsigned, void *), int, void *data);
void qemu_plugin_register_vcpu_syscall_cb(id plugin, void (*call)(id, unsigned, int64_t, uint64_t, uint64_t, uint64_t,
                                                                  uint64_t, uint64_t, uint64_t, uint64_t, uint64_t));

#define SHOWN __attribute__((visibility("default")))
enum { GETPGID = 155, GETSID = 156 };

SHOWN int qemu_plugin_version = API;

static uint64_t count;
static FILE *out;

static void run(unsigned core, void *instructions) { count += (uintptr_t)instructions; }

static void translated(id plugin, struct qemu_plugin_tb *block) {
    qemu_plugin_register_vcpu_tb_exec_cb(block, run, 0, (void *)(uintptr_t)qemu_plugin_tb_n_insns(block));
}

static void called(id plugin, unsigned core, int64_t number, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e,
                   uint64_t f, uint64_t g, uint64_t h) {
    if (number == GETPGID || number == GETSID) fprintf(out, "%" PRId64 " %" PRIu64 "\n", number, count);
}

SHOWN int qemu_plugin_install(id plugin, const void *about, int argc, char **argv) {
    if (argc != 1 || strncmp(argv[0], "out=", 4) || !(out = fopen(argv[0] + 4, "w"))) return 1;
    setvbuf(out, NULL, _IOLBF, 0);
    qemu_plugin_register_vcpu_tb_trans_cb(plugin, translated);
    qemu_plugin_register_vcpu_syscall_cb(plugin, called);
    return 0;
}
