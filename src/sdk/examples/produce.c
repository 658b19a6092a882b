/*
 * Sends each line of the input as a record: "key<TAB>value", or a value alone.
 *
 *     produce ADDRESSES TOPIC < lines
 */
#include <penstock.h>

#include <stdio.h>
#include <string.h>

static uint64_t delivered, failed;

/* Takes what is known of earlier records. */
static void take_completions(penstock_producer *producer)
{
    penstock_completion done[64];
    size_t count;
    while ((count = penstock_producer_completions(producer, done, 64)) > 0) {
        for (size_t i = 0; i < count; ++i) {
            if (done[i].error == PENSTOCK_OK) {
                delivered += done[i].records;
                continue;
            }
            failed += done[i].records;
            fprintf(stderr, "lines from %llu on: %s: %s\n", (unsigned long long)done[i].tags[0],
                    penstock_error_name(done[i].error), penstock_error_message(done[i].error));
        }
    }
}

/* Sends one line; while there is no room it lets the client work. */
static penstock_error send_line(penstock_client *client, penstock_producer *producer, const char *line, size_t size,
                                uint64_t number)
{
    penstock_record record = PENSTOCK_RECORD_INIT;
    const char *tab = (const char *)memchr(line, '\t', size);
    const char *value = tab != NULL ? tab + 1 : line;
    const size_t value_size = size - (size_t)(value - line);
    if (tab != NULL) {
        record.key.data = line;
        record.key.size = (size_t)(tab - line);
    }
    record.tag = number;
    for (;;) {
        /* The value is written where it is sent from. penstock_producer_send() would copy it there as well. */
        void *room;
        const penstock_error error = penstock_producer_reserve(producer, &record, value_size, &room);
        if (error == PENSTOCK_OK) {
            memcpy(room, value, value_size);
            penstock_producer_commit(producer, value_size);
            return PENSTOCK_OK;
        }
        if (error != PENSTOCK_FULL)
            return error;
        penstock_client_poll(client, 1000);
        take_completions(producer);
    }
}

int main(int argc, char **argv)
{
    static char line[1 << 20];
    penstock_client_options client_options = PENSTOCK_CLIENT_OPTIONS_INIT;
    penstock_producer_options options = PENSTOCK_PRODUCER_OPTIONS_INIT;
    penstock_client *client;
    penstock_producer *producer;
    penstock_error error;
    uint64_t number = 0;

    if (argc != 3) {
        fprintf(stderr, "usage: %s udp://HOST[:PORT]|tcp://HOST[:PORT] TOPIC < lines\n", argv[0]);
        return 2;
    }
    client_options.bootstrap = argv[1];
    error = penstock_client_create(&client_options, &client);
    if (error != PENSTOCK_OK) {
        fprintf(stderr, "%s: %s\n", argv[1], penstock_error_message(error));
        return 1;
    }
    options.compression = PENSTOCK_COMPRESSION_LZ4;
    error = penstock_producer_create(client, argv[2], &options, &producer);
    while (error == PENSTOCK_OK && fgets(line, sizeof line, stdin) != NULL) {
        const size_t size = strcspn(line, "\n");
        error = send_line(client, producer, line, size, ++number);
        if (number % 1000 == 0) {
            penstock_client_poll(client, 0);
            take_completions(producer);
        }
    }
    if (error != PENSTOCK_OK)
        fprintf(stderr, "line %llu: %s: %s\n", (unsigned long long)number, penstock_error_name(error),
                penstock_client_last_error(client));
    if (producer != NULL && penstock_producer_flush(producer, 30000) != PENSTOCK_OK)
        fprintf(stderr, "gave up waiting: %s\n", penstock_client_last_error(client));
    if (producer != NULL)
        take_completions(producer);
    printf("%llu delivered, %llu failed\n", (unsigned long long)delivered, (unsigned long long)failed);
    penstock_producer_destroy(producer);
    penstock_client_destroy(client);
    return error == PENSTOCK_OK && failed == 0 && delivered == number ? 0 : 1;
}
