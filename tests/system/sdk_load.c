// A load through the C client SDK, as any C program would make it: what rdkafka_load.c is for librdkafka, so that
// bench/sdk.py can put the two beside each other.
//
//   sdk_load produce ADDRESSES TOPIC --seconds 10 --warmup 2 --bytes 100 --partitions 4 --acks 1
//   sdk_load ping    ADDRESSES TOPIC --records 20000 --bytes 100 [--spin 1]     one record at a time: its latency
//   sdk_load watch   ADDRESSES TOPIC --gap-ms 20             as ping, until SIGTERM; see below
//   sdk_load consume ADDRESSES TOPIC --records 1000000 --partitions 4 [--check-crcs 0]
//
// ADDRESSES are udp://HOST:PORT or tcp://HOST:PORT; or dpdk://HOST:PORT on a port of its own, with --port-device DEVICE
// --port-address ADDRESS/PREFIX [--port-mtu 1500] [--port-huge-pages 1]. With --spin 1 it never sleeps: it polls
// without waiting. Every record must be acknowledged (and, when consumed, carry its number), or the exit code is 1.
// Prints one JSON object.
//
// watch says at once, a JSON array each, when no record was acknowledged for --gap-ms: the last acknowledgement before
// and the first one after, in nanoseconds of the monotonic clock.
#include <penstock.h>

#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

enum { completions_max = 64, latencies_max = 1 << 22, partitions_max = 10000 };

struct options {
    const char* mode;
    const char* addresses;
    const char* topic;
    const char* port_device;
    const char* port_address;
    uint64_t port_mtu, port_huge_pages;
    uint64_t records, seconds, warmup_seconds, bytes, partitions, spin, check_crcs, batch_bytes, linger_ms, gap_ms;
    int32_t acks;
};

static void die(const char* format, ...) __attribute__((format(printf, 1, 2), noreturn));
static void die(const char* format, ...) {
    va_list arguments;
    va_start(arguments, format);
    fprintf(stderr, "sdk_load: ");
    vfprintf(stderr, format, arguments);
    fprintf(stderr, "\n");
    va_end(arguments);
    exit(2);
}

static int64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static double cpu_seconds(void) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

// Producing -----------------------------------------------------------------------------------------------------------

static struct {
    penstock_client* client;
    penstock_producer* producer;
    uint64_t taken, acked, failed;
    penstock_error first_error;
} load;

static void take_completions(void) {
    penstock_completion done[completions_max];
    size_t count;
    do {
        count = penstock_producer_completions(load.producer, done, completions_max);
        for (size_t i = 0; i < count; ++i) {
            if (done[i].error == PENSTOCK_OK) {
                load.acked += done[i].records;
                continue;
            }
            if (load.failed == 0) load.first_error = done[i].error;
            load.failed += done[i].records;
        }
    } while (count == completions_max);
}

static void poll_once(const struct options* o, int timeout_ms) {
    penstock_client_poll(load.client, o->spin != 0 ? 0 : timeout_ms);
    take_completions();
}

/// The record's number, and a filling; written where it is sent from.
static void send_record(const struct options* o, int32_t partition, uint64_t number) {
    penstock_record record = PENSTOCK_RECORD_INIT;
    void* value;
    record.partition = partition;
    record.tag = number;
    for (;;) {
        const penstock_error error = penstock_producer_reserve(load.producer, &record, o->bytes, &value);
        if (error == PENSTOCK_OK) break;
        if (error != PENSTOCK_FULL) die("cannot produce: %s", penstock_client_last_error(load.client));
        poll_once(o, 1000);
    }
    memset(value, 'p', o->bytes);
    memcpy(value, &number, sizeof number);
    penstock_producer_commit(load.producer, o->bytes);
    ++load.taken;
}

static void make_producer(const struct options* o) {
    penstock_producer_options options = PENSTOCK_PRODUCER_OPTIONS_INIT;
    options.acks = o->acks;
    options.batch_bytes = (uint32_t)o->batch_bytes;
    options.linger_ms = (int32_t)o->linger_ms;
    if (penstock_producer_create(load.client, o->topic, &options, &load.producer) != PENSTOCK_OK)
        die("no producer: %s", penstock_client_last_error(load.client));
    const int64_t deadline = now_ns() + 10000000000;
    penstock_error error = PENSTOCK_OK;
    while (penstock_producer_partitions(load.producer, &error) == 0) {
        if (error != PENSTOCK_OK || now_ns() > deadline)
            die("the topic is not there: %s", penstock_client_last_error(load.client));
        penstock_client_poll(load.client, 100);
    }
}

static void end_producer(void) {
    if (penstock_producer_flush(load.producer, 60000) != PENSTOCK_OK)
        die("not all was acknowledged: %s", penstock_client_last_error(load.client));
    take_completions();
    penstock_producer_destroy(load.producer);
    if (load.failed > 0) fprintf(stderr, "sdk_load: %s\n", penstock_error_message(load.first_error));
}

static int produce(const struct options* o) {
    make_producer(o);
    const int64_t began = now_ns();
    const int64_t warm = began + (int64_t)o->warmup_seconds * 1000000000;
    const int64_t end = began + (int64_t)o->seconds * 1000000000;
    int64_t from = 0;
    uint64_t acked_before = 0;
    double cpu = 0;
    // Partitions take turns in runs, as records without keys do.
    const uint64_t run = o->batch_bytes / (o->bytes + 8) + 1;
    for (uint64_t number = 0; o->records == 0 || number < o->records; ++number) {
        if (number % 256 == 0) {
            poll_once(o, 0);
            const int64_t now = now_ns();
            if (now >= end && o->seconds > 0) break;
            if (from == 0 && now >= warm) {
                from = now;
                acked_before = load.acked;
                cpu = cpu_seconds();
            }
        }
        send_record(o, (int32_t)(number / run % o->partitions), number);
    }
    end_producer();
    const double seconds = (double)(now_ns() - from) / 1e9;
    const double records = (double)(load.acked - acked_before);
    printf("{\"produced\": %" PRIu64 ", \"acked\": %" PRIu64 ", \"failed\": %" PRIu64 ", \"seconds\": %.3f, "
           "\"records_per_s\": %.0f, \"mb_per_s\": %.2f, \"cpu_ns_per_record\": %.1f}\n",
           load.taken, load.acked, load.failed, seconds, records / seconds,
           records * (double)o->bytes / 1e6 / seconds, (cpu_seconds() - cpu) * 1e9 / records);
    return load.failed > 0 || load.acked != load.taken;
}

static int by_value(const void* a, const void* b) {
    const uint32_t x = *(const uint32_t*)a, y = *(const uint32_t*)b;
    return (x > y) - (x < y);
}

static int ping(const struct options* o) {
    uint32_t* latency_ns = malloc(latencies_max * sizeof *latency_ns);
    if (latency_ns == NULL) die("out of memory");
    if (o->records == 0 || o->records > latencies_max) die("--records must be 1 to %d", latencies_max);
    make_producer(o);
    const uint64_t warmup = o->records / 10 + 10;
    double cpu = 0;
    for (uint64_t number = 0; number < warmup + o->records; ++number) {
        if (number == warmup) cpu = cpu_seconds();
        const int64_t before = now_ns();
        send_record(o, (int32_t)(number % o->partitions), number);
        penstock_producer_push(load.producer);
        while (load.acked + load.failed <= number) poll_once(o, 1000);
        if (number >= warmup) latency_ns[number - warmup] = (uint32_t)(now_ns() - before);
    }
    cpu = cpu_seconds() - cpu;
    end_producer();
    qsort(latency_ns, o->records, sizeof *latency_ns, by_value);
    printf("{\"acked\": %" PRIu64 ", \"failed\": %" PRIu64 ", \"p50_us\": %.2f, \"p99_us\": %.2f, \"p999_us\": %.2f, "
           "\"max_us\": %.2f, \"cpu_us\": %.2f}\n",
           load.acked, load.failed, latency_ns[o->records / 2] / 1e3, latency_ns[o->records * 99 / 100] / 1e3,
           latency_ns[o->records * 999 / 1000] / 1e3, latency_ns[o->records - 1] / 1e3,
           cpu * 1e6 / (double)o->records);
    free(latency_ns);
    return load.failed > 0;
}

// Consuming -----------------------------------------------------------------------------------------------------------

static int consume(const struct options* o) {
    penstock_consumer_options options = PENSTOCK_CONSUMER_OPTIONS_INIT;
    penstock_consumer* consumer;
    options.check_crcs = (int32_t)o->check_crcs;
    if (penstock_consumer_create(load.client, &options, &consumer) != PENSTOCK_OK)
        die("no consumer: %s", penstock_client_last_error(load.client));
    penstock_position* positions = calloc(o->partitions, sizeof *positions);
    if (positions == NULL) die("out of memory");
    for (uint64_t p = 0; p < o->partitions; ++p) {
        positions[p].topic = o->topic;
        positions[p].partition = (int32_t)p;
        positions[p].offset = PENSTOCK_OFFSET_EARLIEST;
    }
    if (penstock_consumer_assign(consumer, positions, o->partitions) != PENSTOCK_OK)
        die("cannot assign: %s", penstock_client_last_error(load.client));
    uint64_t records = 0, bytes = 0, sum = 0;
    const int64_t began = now_ns();
    int64_t heard_at = began;
    const double cpu = cpu_seconds();
    while (records < o->records) {
        penstock_batch* batch;
        const penstock_error error = penstock_consumer_next(consumer, &batch);
        if (error == PENSTOCK_EMPTY) {
            if (now_ns() - heard_at > 30000000000) die("no record for 30 seconds");
            penstock_client_poll(load.client, o->spin != 0 ? 0 : 1000);
            continue;
        }
        if (error != PENSTOCK_OK) die("cannot consume: %s", penstock_client_last_error(load.client));
        penstock_record_view view;
        while (penstock_batch_next(batch, &view) == PENSTOCK_OK) {
            uint64_t number = 0;
            if (view.value.size >= sizeof number) memcpy(&number, view.value.data, sizeof number);
            sum += number;
            bytes += view.value.size;
            ++records;
        }
        penstock_batch_release(batch);
        heard_at = now_ns();
    }
    const double seconds = (double)(now_ns() - began) / 1e9;
    // What was produced as 0 to n - 1, each once.
    const int complete = records == o->records && sum == o->records * (o->records - 1) / 2;
    printf("{\"read\": %" PRIu64 ", \"complete\": %s, \"seconds\": %.3f, \"records_per_s\": %.0f, \"mb_per_s\": %.2f, "
           "\"cpu_ns_per_record\": %.1f}\n",
           records, complete ? "true" : "false", seconds, (double)records / seconds, (double)bytes / 1e6 / seconds,
           (cpu_seconds() - cpu) * 1e9 / (double)records);
    penstock_consumer_destroy(consumer);
    free(positions);
    return !complete;
}

// Arguments -----------------------------------------------------------------------------------------------------------

static uint64_t number_of(const char* text) {
    char* end = NULL;
    const uint64_t value = strtoull(text, &end, 10);
    if (*text == '\0' || *end != '\0') die("\"%s\" is not a number", text);
    return value;
}

static volatile sig_atomic_t stopped;

static void on_signal(int signal_number) {
    (void)signal_number;
    stopped = 1;
}

static int watch(const struct options* o) {
    signal(SIGTERM, on_signal);
    make_producer(o);
    int64_t last = 0;
    for (uint64_t number = 0; !stopped; ++number) {
        send_record(o, (int32_t)(number % o->partitions), number);
        penstock_producer_push(load.producer);
        while (load.acked + load.failed <= number) poll_once(o, 1000);
        const int64_t now = now_ns();
        if (last != 0 && now - last >= (int64_t)o->gap_ms * 1000000) {
            printf("[%" PRId64 ", %" PRId64 "]\n", last, now);
            fflush(stdout);
        }
        last = now;
    }
    end_producer();
    printf("{\"acked\": %" PRIu64 ", \"failed\": %" PRIu64 "}\n", load.acked, load.failed);
    return load.failed > 0;
}

static void parse(int argc, char** argv, struct options* o) {
    if (argc < 4) die("usage: sdk_load produce|ping|watch|consume ADDRESSES TOPIC [--option value]...");
    *o = (struct options){.mode = argv[1], .addresses = argv[2], .topic = argv[3], .bytes = 100, .partitions = 1,
                          .check_crcs = 1, .batch_bytes = 65536, .linger_ms = 5, .gap_ms = 20, .acks = -1,
                          .port_mtu = 1500, .port_huge_pages = 1};
    for (int i = 4; i < argc; i += 2) {
        if (i + 1 == argc) die("%s needs a value", argv[i]);
        const char* name = argv[i];
        const char* value = argv[i + 1];
        if (strcmp(name, "--acks") == 0) o->acks = strcmp(value, "all") == 0 ? -1 : (int32_t)number_of(value);
        else if (strcmp(name, "--records") == 0) o->records = number_of(value);
        else if (strcmp(name, "--seconds") == 0) o->seconds = number_of(value);
        else if (strcmp(name, "--warmup") == 0) o->warmup_seconds = number_of(value);
        else if (strcmp(name, "--bytes") == 0) o->bytes = number_of(value);
        else if (strcmp(name, "--partitions") == 0) o->partitions = number_of(value);
        else if (strcmp(name, "--spin") == 0) o->spin = number_of(value);
        else if (strcmp(name, "--check-crcs") == 0) o->check_crcs = number_of(value);
        else if (strcmp(name, "--batch-bytes") == 0) o->batch_bytes = number_of(value);
        else if (strcmp(name, "--gap-ms") == 0) o->gap_ms = number_of(value);
        else if (strcmp(name, "--port-device") == 0) o->port_device = value;
        else if (strcmp(name, "--port-address") == 0) o->port_address = value;
        else if (strcmp(name, "--port-mtu") == 0) o->port_mtu = number_of(value);
        else if (strcmp(name, "--port-huge-pages") == 0) o->port_huge_pages = number_of(value);
        else if (strcmp(name, "--linger-ms") == 0) o->linger_ms = number_of(value);
        else die("unknown option %s", name);
    }
    if (o->bytes < sizeof(uint64_t)) die("--bytes must be 8 or more: records carry their number");
    if (o->partitions == 0 || o->partitions > partitions_max) die("--partitions must be 1 to %d", partitions_max);
    if (strcmp(o->mode, "produce") == 0 && o->records == 0 && o->seconds == 0) die("--seconds or --records is needed");
}

static penstock_port* open_port(const struct options* o) {
    if (o->port_device == NULL) return NULL;
    penstock_port_options options = PENSTOCK_PORT_OPTIONS_INIT;
    options.device = o->port_device;
    options.address = o->port_address;
    options.mtu = (int32_t)o->port_mtu;
    options.huge_pages = (int32_t)o->port_huge_pages;
    char why[1024];
    penstock_port* port;
    if (penstock_port_open(&options, &port, why, sizeof why) != PENSTOCK_OK) die("%s", why);
    return port;
}

int main(int argc, char** argv) {
    struct options o;
    parse(argc, argv, &o);
    penstock_port* const port = open_port(&o);
    penstock_client_options options = PENSTOCK_CLIENT_OPTIONS_INIT;
    options.port = port;
    options.bootstrap = o.addresses;
    options.client_id = "sdk_load";
    const penstock_error error = penstock_client_create(&options, &load.client);
    if (error != PENSTOCK_OK) die("%s: %s", o.addresses, penstock_error_message(error));
    int code = 2;
    if (strcmp(o.mode, "produce") == 0) code = produce(&o);
    else if (strcmp(o.mode, "ping") == 0) code = ping(&o);
    else if (strcmp(o.mode, "watch") == 0) code = watch(&o);
    else if (strcmp(o.mode, "consume") == 0) code = consume(&o);
    else die("unknown mode %s", o.mode);
    penstock_client_destroy(load.client);
    penstock_port_close(port);
    return code;
}
