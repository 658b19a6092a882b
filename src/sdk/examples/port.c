/*
 * Sends records one at a time on a network port of its own, past the kernel, and says how long the middle one took.
 *
 *     port DEVICE OWN_ADDRESS/PREFIX BROKER:PORT TOPIC COUNT
 *     port 0000:3b:00.1 10.0.0.2/24 10.0.0.1:9192 games 100000
 *
 * DEVICE is a PCI address that vfio-pci has (penstock-bind vfio ...), with huge pages; without a NIC to spare a virtual
 * device as DPDK names it, and PENSTOCK_NO_HUGE_PAGES=1 in the environment.
 */
#define _POSIX_C_SOURCE 200809L   /* clock_gettime() */

#include <penstock.h>

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static double now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static int by_size(const void *a, const void *b)
{
    const double left = *(const double *)a, right = *(const double *)b;
    return (left > right) - (left < right);
}

/* One record, there and back. The client spins meanwhile: on this road nothing ever sleeps. */
static penstock_error send_one(penstock_client *client, penstock_producer *producer)
{
    penstock_record record = PENSTOCK_RECORD_INIT;
    penstock_completion done;
    penstock_error error;
    record.value.data = "how long?";
    record.value.size = 9;
    while ((error = penstock_producer_send(producer, &record)) == PENSTOCK_FULL)
        penstock_client_poll(client, 1000);
    if (error != PENSTOCK_OK)
        return error;
    penstock_producer_push(producer);
    while (penstock_producer_completions(producer, &done, 1) == 0)
        penstock_client_poll(client, 1000);
    return done.error;
}

static penstock_error measure(penstock_client *client, const char *topic, double *times, size_t count)
{
    penstock_producer *producer;
    penstock_error error = penstock_producer_create(client, topic, NULL, &producer);
    size_t i;
    for (i = 0; i < count && error == PENSTOCK_OK; ++i) {
        const double before = now_us();
        error = send_one(client, producer);
        times[i] = now_us() - before;
    }
    penstock_producer_destroy(producer);
    return error;
}

int main(int argc, char **argv)
{
    penstock_port_options port_options = PENSTOCK_PORT_OPTIONS_INIT;
    penstock_client_options options = PENSTOCK_CLIENT_OPTIONS_INIT;
    penstock_port *port;
    penstock_client *client;
    penstock_error error;
    char why[1024], bootstrap[512];
    size_t count;
    double *times;
    if (argc != 6 || (count = (size_t)strtoul(argv[5], NULL, 10)) == 0) {
        fprintf(stderr, "usage: port DEVICE OWN_ADDRESS/PREFIX BROKER:PORT TOPIC COUNT\n");
        return 2;
    }
    port_options.device = argv[1];
    port_options.address = argv[2];
    port_options.huge_pages = getenv("PENSTOCK_NO_HUGE_PAGES") == NULL;
    if (penstock_port_open(&port_options, &port, why, sizeof why) != PENSTOCK_OK) {
        fprintf(stderr, "%s\n", why);
        return 1;
    }
    snprintf(bootstrap, sizeof bootstrap, "dpdk://%s", argv[3]);
    options.bootstrap = bootstrap;
    options.port = port;
    error = penstock_client_create(&options, &client);
    times = (double *)calloc(count, sizeof *times);
    if (error == PENSTOCK_OK && times != NULL) {
        error = measure(client, argv[4], times, count);
        if (error != PENSTOCK_OK)
            fprintf(stderr, "%s\n", penstock_client_last_error(client));
        penstock_client_destroy(client);
    }
    penstock_port_close(port);
    if (error != PENSTOCK_OK || times == NULL) {
        fprintf(stderr, "%s\n", penstock_error_message(error));
        free(times);
        return 1;
    }
    qsort(times, count, sizeof *times, by_size);
    printf("%lu records, half of them within %.1f us\n", (unsigned long)count, times[count / 2]);
    free(times);
    return 0;
}
