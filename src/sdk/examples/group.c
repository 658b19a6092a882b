/*
 * A member of a consumer group in an event loop of its own: counts the records of a topic until it has seen COUNT of
 * them, or until a signal; commits what it has seen, and leaves.
 *
 *     group ADDRESSES GROUP TOPIC COUNT
 */
#define _POSIX_C_SOURCE 200809L

#include <penstock.h>

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static volatile sig_atomic_t stopping;

static void on_signal(int number)
{
    (void)number;
    stopping = 1;
}

static void print_events(penstock_client *client, penstock_consumer *consumer)
{
    penstock_event event;
    while (penstock_consumer_next_event(consumer, &event) == PENSTOCK_OK) {
        const penstock_position *positions;
        if (event.kind == PENSTOCK_EVENT_ASSIGNED)
            printf("assigned: %u partitions\n", (unsigned)penstock_consumer_positions(consumer, &positions));
        else if (event.kind == PENSTOCK_EVENT_REVOKED)
            printf("revoked: the group agrees anew\n");
        else if (event.error != PENSTOCK_OK)
            printf("%s: %s\n", penstock_error_name(event.error), penstock_client_last_error(client));
        fflush(stdout);
    }
}

int main(int argc, char **argv)
{
    penstock_client_options client_options = PENSTOCK_CLIENT_OPTIONS_INIT;
    penstock_consumer_options options = PENSTOCK_CONSUMER_OPTIONS_INIT;
    penstock_client *client;
    penstock_consumer *consumer;
    penstock_batch *batch;
    penstock_error error;
    unsigned long long seen = 0, wanted;
    struct sigaction action;

    if (argc != 5) {
        fprintf(stderr, "usage: %s udp://HOST[:PORT]|tcp://HOST[:PORT] GROUP TOPIC COUNT\n", argv[0]);
        return 2;
    }
    wanted = strtoull(argv[4], NULL, 10);
    memset(&action, 0, sizeof action);
    action.sa_handler = on_signal;
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);

    client_options.bootstrap = argv[1];
    error = penstock_client_create(&client_options, &client);
    if (error != PENSTOCK_OK) {
        fprintf(stderr, "%s: %s\n", argv[1], penstock_error_message(error));
        return 1;
    }
    options.group = argv[2];
    options.start = PENSTOCK_OFFSET_EARLIEST;
    penstock_consumer_create(client, &options, &consumer);
    error = penstock_consumer_subscribe(consumer, (const char *const *)&argv[3], 1);

    while (error == PENSTOCK_OK && !stopping && seen < wanted) {
        if (penstock_client_poll(client, 0) == 0) {
            /* Nothing happened, so now it is right to wait. Other descriptors would stand beside this one. */
            struct pollfd ready;
            ready.fd = penstock_client_descriptor(client);
            ready.events = POLLIN;
            poll(&ready, 1, 1000);
        }
        print_events(client, consumer);
        while ((error = penstock_consumer_next(consumer, &batch)) == PENSTOCK_OK) {
            penstock_record_view record;
            while ((error = penstock_batch_next(batch, &record)) == PENSTOCK_OK)
                ++seen;
            penstock_batch_release(batch);
            if (error != PENSTOCK_EMPTY)
                break;
        }
        if (error == PENSTOCK_EMPTY)
            error = PENSTOCK_OK;
    }
    if (error != PENSTOCK_OK)
        fprintf(stderr, "%s: %s\n", penstock_error_name(error), penstock_client_last_error(client));
    else
        error = penstock_consumer_leave(consumer, 10000);
    printf("%llu records\n", seen);
    penstock_consumer_destroy(consumer);
    penstock_client_destroy(client);
    return error == PENSTOCK_OK ? 0 : 1;
}
