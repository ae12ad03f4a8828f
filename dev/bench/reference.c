/* Computes Argon2id hashes with the reference library, as fast as possible on the given number of threads.
   The rate of logins is measured against this rate. Prints the number of hashes and the seconds that they took. */
#include <argon2.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static double seconds;
static uint32_t memory_kib, iterations, lanes;
static struct timespec begun;

static double elapsed(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)(now.tv_sec - begun.tv_sec) + (double)(now.tv_nsec - begun.tv_nsec) / 1e9;
}

static void *work(void *done) {
    unsigned char hash[32];
    long made = 0;
    do {
        if (argon2id_hash_raw(iterations, memory_kib, lanes, "Abc12345", 8, "sixteen bytes ok", 16, hash, sizeof hash)
            != ARGON2_OK)
            exit(1);
        made++;
    } while (elapsed() < seconds);
    *(long *)done = made;
    return NULL;
}

int main(int count, char **arguments) {
    if (count != 6) {
        fprintf(stderr, "usage: %s THREADS SECONDS MEMORY_KIB ITERATIONS LANES\n", arguments[0]);
        return 2;
    }
    int threads = atoi(arguments[1]);
    seconds = atof(arguments[2]);
    memory_kib = (uint32_t)atoi(arguments[3]);
    iterations = (uint32_t)atoi(arguments[4]);
    lanes = (uint32_t)atoi(arguments[5]);
    pthread_t *workers = calloc((size_t)threads, sizeof *workers);
    long *made = calloc((size_t)threads, sizeof *made), all = 0;
    if (!workers || !made)
        return 1;
    clock_gettime(CLOCK_MONOTONIC, &begun);
    for (int i = 0; i < threads; i++)
        if (pthread_create(&workers[i], NULL, work, &made[i]))
            return 1;
    for (int i = 0; i < threads; i++) {
        pthread_join(workers[i], NULL);
        all += made[i];
    }
    printf("%ld %.6f\n", all, elapsed());
    return 0;
}
