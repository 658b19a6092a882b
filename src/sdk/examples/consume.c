/*
 * Prints the records of all partitions of a topic, from the first on: "partition offset key value". Ends after COUNT
 * records, or when nothing came for five seconds.
 *
 *     consume ADDRESSES TOPIC PARTITIONS [COUNT]
 */
#include <penstock.h>

#include <stdio.h>
#include <stdlib.h>

static void print_bytes(penstock_bytes bytes)
{
    if (bytes.data == NULL)
        fputs("(null)", stdout);
    else
        fwrite(bytes.data, 1, bytes.size, stdout);
}

int main(int argc, char **argv)
{
    penstock_client_options client_options = PENSTOCK_CLIENT_OPTIONS_INIT;
    penstock_position positions[64];
    penstock_client *client;
    penstock_consumer *consumer;
    penstock_batch *batch;
    penstock_error error;
    unsigned long long seen = 0, wanted;
    int partitions;

    if (argc < 4 || (partitions = atoi(argv[3])) < 1 || partitions > 64) {
        fprintf(stderr, "usage: %s udp://HOST[:PORT]|tcp://HOST[:PORT] TOPIC PARTITIONS(1-64) [COUNT]\n", argv[0]);
        return 2;
    }
    wanted = argc > 4 ? strtoull(argv[4], NULL, 10) : ~0ULL;
    client_options.bootstrap = argv[1];
    error = penstock_client_create(&client_options, &client);
    if (error != PENSTOCK_OK) {
        fprintf(stderr, "%s: %s\n", argv[1], penstock_error_message(error));
        return 1;
    }
    penstock_consumer_create(client, NULL, &consumer);
    for (int i = 0; i < partitions; ++i) {
        positions[i].topic = argv[2];
        positions[i].partition = i;
        positions[i].offset = PENSTOCK_OFFSET_EARLIEST;
        positions[i].timestamp = 0;
    }
    error = penstock_consumer_assign(consumer, positions, (size_t)partitions);

    while (error == PENSTOCK_OK && seen < wanted) {
        error = penstock_consumer_next(consumer, &batch);
        if (error == PENSTOCK_EMPTY) {
            /* Several turns may pass before records are there. */
            int quiet = 0;
            while ((error = penstock_consumer_next(consumer, &batch)) == PENSTOCK_EMPTY && quiet < 50)
                if (!penstock_client_poll(client, 100))
                    ++quiet;
            if (error == PENSTOCK_EMPTY)
                break;
        }
        if (error != PENSTOCK_OK)
            break;
        penstock_record_view record;
        while (seen < wanted && (error = penstock_batch_next(batch, &record)) == PENSTOCK_OK) {
            printf("%d %lld ", (int)penstock_batch_partition(batch), (long long)record.offset);
            print_bytes(record.key);
            putchar(' ');
            print_bytes(record.value);
            putchar('\n');
            ++seen;
        }
        penstock_batch_release(batch);
        if (error == PENSTOCK_EMPTY)
            error = PENSTOCK_OK;
    }
    if (error != PENSTOCK_OK && error != PENSTOCK_EMPTY)
        fprintf(stderr, "%s: %s\n", penstock_error_name(error), penstock_client_last_error(client));
    penstock_consumer_destroy(consumer);
    penstock_client_destroy(client);
    return error == PENSTOCK_OK || error == PENSTOCK_EMPTY ? 0 : 1;
}
