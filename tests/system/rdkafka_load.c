// A load through librdkafka, as any C program would make it, and the proof of what came back. Records are numbered:
// record N goes to partition N % partitions and its bytes follow from seed and N, so a reader can check identity, order
// and acknowledgements without being told more than the seed.
//
//   rdkafka_load produce BROKERS TOPIC --records 100000 --bytes 100 --partitions 3 [--acks-file F] [--config key=value]
//   rdkafka_load produce BROKERS TOPIC --seconds 10 --bytes 1024 --warmup 2
//   rdkafka_load ping    BROKERS TOPIC --records 2000 --bytes 1024        one at a time: an acknowledgement's latency
//   rdkafka_load watch   BROKERS TOPIC --gap-ms 20                       as ping, until SIGTERM; see below
//   rdkafka_load verify  BROKERS TOPIC --partitions 3 --bytes 100 [--records N] [--acks-file F]
//   rdkafka_load consume BROKERS TOPIC --partitions 3 [--records N]       whoever made them: they are only counted
//
// watch says at once, a JSON array each, when no record was acknowledged for --gap-ms: the last acknowledgement before
// and the first one after, in nanoseconds of the monotonic clock.
//
// Prints one JSON object. Exit codes: 0 fine, 1 records failed, are missing or wrong, 2 usage.
#include <inttypes.h>
#include <librdkafka/rdkafka.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { header_bytes = 16, record_bytes_max = 8 << 20, in_flight_max = 1 << 17, partitions_max = 10000 };

struct options {
    const char* mode;
    const char* brokers;
    const char* topic;
    const char* acks_path;
    uint64_t records;
    uint64_t bytes;
    uint64_t partitions;
    uint64_t first_partition;  // with --only: every record goes there
    int only_one_partition;
    uint64_t seconds;
    uint64_t warmup_seconds;
    uint64_t rate;  // records a second, 0: as fast as it goes
    uint64_t seed;
    uint64_t gap_ms;
};

struct ack {
    int32_t partition;
    int32_t unused;
    int64_t offset;
    uint64_t number;
};

static volatile sig_atomic_t stopped;

static void on_signal(int signal_number) {
    (void)signal_number;
    stopped = 1;
}

static void die(const char* format, ...) __attribute__((format(printf, 1, 2), noreturn));
static void die(const char* format, ...) {
    va_list arguments;
    va_start(arguments, format);
    fprintf(stderr, "rdkafka_load: ");
    vfprintf(stderr, format, arguments);
    fprintf(stderr, "\n");
    va_end(arguments);
    exit(2);
}

static int64_t now_us(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

// The bytes of record `number`: itself, the seed, and a stream that follows from both.
static void fill(uint8_t* out, size_t size, uint64_t seed, uint64_t number) {
    uint64_t x = (number + 1) * 0x9e3779b97f4a7c15u ^ seed;
    memcpy(out, &number, 8);
    memcpy(out + 8, &seed, 8);
    for (size_t i = header_bytes; i < size; i += 8) {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        memcpy(out + i, &x, size - i < 8 ? size - i : 8);
    }
}

// Producing -----------------------------------------------------------------------------------------------------------

static struct {
    FILE* acks;
    int64_t* sent_us;       // by number % in_flight_max
    uint32_t* latency_us;   // of every record acknowledged after the warm-up
    uint64_t latencies, latencies_max;
    uint64_t acked, acked_after_warmup, failed;
    int64_t warm_from_us, last_ack_us;
    char first_error[200];
} produced;

static void on_delivery(rd_kafka_t* client, const rd_kafka_message_t* message, void* unused) {
    (void)client;
    (void)unused;
    const uint64_t number = (uint64_t)(uintptr_t)message->_private;
    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        if (produced.failed++ == 0) {
            snprintf(produced.first_error, sizeof produced.first_error, "%s", rd_kafka_err2str(message->err));
        }
        return;
    }
    const int64_t now = now_us();
    ++produced.acked;
    produced.last_ack_us = now;
    if (produced.acks != NULL) {
        const struct ack ack = {message->partition, 0, message->offset, number};
        if (fwrite(&ack, sizeof ack, 1, produced.acks) != 1) die("cannot write the acks file");
    }
    const int64_t sent = produced.sent_us[number % in_flight_max];
    if (sent < produced.warm_from_us) return;
    ++produced.acked_after_warmup;
    if (produced.latencies < produced.latencies_max) produced.latency_us[produced.latencies++] = (uint32_t)(now - sent);
}

static int by_value(const void* a, const void* b) {
    const uint32_t x = *(const uint32_t*)a;
    const uint32_t y = *(const uint32_t*)b;
    return (x > y) - (x < y);
}

static uint32_t percentile(double share) {
    if (produced.latencies == 0) return 0;
    uint64_t at = (uint64_t)((double)produced.latencies * share);
    if (at >= produced.latencies) at = produced.latencies - 1;
    return produced.latency_us[at];
}

static void produce_one(rd_kafka_t* client, rd_kafka_topic_t* topic, const struct options* o, uint64_t number,
                        uint8_t* bytes) {
    fill(bytes, o->bytes, o->seed, number);
    const int32_t partition =
        (int32_t)(o->only_one_partition ? o->first_partition : number % o->partitions);
    produced.sent_us[number % in_flight_max] = now_us();
    while (rd_kafka_produce(topic, partition, RD_KAFKA_MSG_F_COPY, bytes, o->bytes, NULL, 0,
                            (void*)(uintptr_t)number) != 0) {
        const rd_kafka_resp_err_t error = rd_kafka_last_error();
        if (error != RD_KAFKA_RESP_ERR__QUEUE_FULL) die("cannot produce: %s", rd_kafka_err2str(error));
        rd_kafka_poll(client, 10);
        produced.sent_us[number % in_flight_max] = now_us();
    }
}

static int is_finished(const struct options* o, uint64_t number, int64_t started) {
    if (stopped || (o->records > 0 && number >= o->records)) return 1;
    return o->seconds > 0 && now_us() - started >= (int64_t)o->seconds * 1000000;
}

static void wait_for_turn(rd_kafka_t* client, const struct options* o, uint64_t number, int64_t started) {
    while (o->rate > 0) {
        const int64_t early_us = started + (int64_t)(number * 1000000 / o->rate) - now_us();
        if (early_us <= 0) return;
        rd_kafka_poll(client, (int)(early_us / 1000));
        if (early_us < 1000) nanosleep(&(struct timespec){.tv_nsec = early_us * 1000}, NULL);
    }
}

static void tell_gap(const struct options* o, int64_t before_us) {
    const int64_t after_us = produced.last_ack_us;
    if (before_us == 0 || after_us - before_us < (int64_t)o->gap_ms * 1000) return;
    printf("[%" PRId64 ", %" PRId64 "]\n", before_us * 1000, after_us * 1000);
    fflush(stdout);
}

static int produce(rd_kafka_t* client, const struct options* o) {
    const int watches = strcmp(o->mode, "watch") == 0;
    const int one_at_a_time = watches || strcmp(o->mode, "ping") == 0;
    rd_kafka_topic_t* topic = rd_kafka_topic_new(client, o->topic, NULL);
    uint8_t* bytes = malloc(o->bytes);
    produced.latencies_max = 20000000;
    produced.latency_us = malloc(produced.latencies_max * sizeof *produced.latency_us);
    produced.sent_us = calloc(in_flight_max, sizeof *produced.sent_us);
    if (topic == NULL || bytes == NULL || produced.latency_us == NULL || produced.sent_us == NULL) die("out of memory");
    const int64_t started = now_us();
    produced.warm_from_us = started + (int64_t)o->warmup_seconds * 1000000;

    uint64_t number = 0;
    for (; !is_finished(o, number, started); ++number) {
        wait_for_turn(client, o, number, started);
        produce_one(client, topic, o, number, bytes);
        rd_kafka_poll(client, 0);
        const int64_t last_ack_us = produced.last_ack_us;
        while (one_at_a_time && produced.acked + produced.failed <= number) rd_kafka_poll(client, 1000);
        if (watches) tell_gap(o, last_ack_us);
    }
    while (rd_kafka_outq_len(client) > 0 && rd_kafka_flush(client, 200) == RD_KAFKA_RESP_ERR__TIMED_OUT) {
    }
    if (produced.acks != NULL && fclose(produced.acks) != 0) die("cannot write the acks file");

    const int64_t from = produced.warm_from_us;
    const double seconds = produced.last_ack_us > from ? (double)(produced.last_ack_us - from) / 1e6 : 1e-6;
    const double rate = (double)produced.acked_after_warmup / seconds;
    qsort(produced.latency_us, produced.latencies, sizeof *produced.latency_us, by_value);
    printf("{\"produced\": %" PRIu64 ", \"acked\": %" PRIu64 ", \"failed\": %" PRIu64 ", \"error\": \"%s\", "
           "\"seconds\": %.3f, \"records_per_s\": %.0f, \"mb_per_s\": %.2f, \"p50_us\": %u, \"p99_us\": %u, "
           "\"p999_us\": %u, \"max_us\": %u}\n",
           number, produced.acked, produced.failed, produced.first_error, seconds, rate, rate * (double)o->bytes / 1e6,
           percentile(0.5), percentile(0.99), percentile(0.999), percentile(1));
    return produced.failed > 0 || produced.acked != number;
}

// Verifying -----------------------------------------------------------------------------------------------------------

static struct {
    uint64_t** number_at;       // by partition, then offset; UINT64_MAX: nothing there
    int64_t *ends, *next;
    uint64_t read, damaged, disordered, lost_acks;
} verified;

static void complain(const char* what, int32_t partition, int64_t offset, uint64_t number) {
    static int complaints;
    if (++complaints > 20) return;
    fprintf(stderr, "rdkafka_load: %s: partition %d offset %" PRId64 " record %" PRIu64 "\n", what, partition, offset,
            number);
}

static void check_record(const struct options* o, const rd_kafka_message_t* m, uint8_t* expected) {
    uint64_t number = UINT64_MAX;
    ++verified.read;
    if (m->len == o->bytes) {
        memcpy(&number, m->payload, 8);
        fill(expected, o->bytes, o->seed, number);
    }
    if (m->len != o->bytes || memcmp(expected, m->payload, m->len) != 0) {
        ++verified.damaged;
        complain("damaged", m->partition, m->offset, number);
        return;
    }
    if (m->offset != verified.next[m->partition]) {
        ++verified.disordered;
        complain("offset out of order", m->partition, m->offset, number);
    }
    verified.next[m->partition] = m->offset + 1;
    if (m->offset < verified.ends[m->partition]) verified.number_at[m->partition][m->offset] = number;
    const uint64_t in_order = (uint64_t)m->offset * o->partitions + (uint64_t)m->partition;
    if (o->records > 0 && number != in_order) {  // without retries the offset follows from the number
        ++verified.disordered;
        complain("record out of order", m->partition, m->offset, number);
    }
}

static void find_ends(rd_kafka_t* client, const struct options* o, rd_kafka_topic_partition_list_t* list) {
    verified.number_at = calloc(o->partitions, sizeof *verified.number_at);
    verified.ends = calloc(o->partitions, sizeof *verified.ends);
    verified.next = calloc(o->partitions, sizeof *verified.next);
    if (verified.number_at == NULL || verified.ends == NULL || verified.next == NULL) die("out of memory");
    for (uint64_t p = 0; p < o->partitions; ++p) {
        int64_t low = 0;
        const rd_kafka_resp_err_t error =
            rd_kafka_query_watermark_offsets(client, o->topic, (int32_t)p, &low, &verified.ends[p], 30000);
        if (error != RD_KAFKA_RESP_ERR_NO_ERROR) die("no offsets of partition %d: %s", (int)p, rd_kafka_err2str(error));
        verified.number_at[p] = malloc(((size_t)verified.ends[p] + 1) * sizeof **verified.number_at);
        if (verified.number_at[p] == NULL) die("out of memory");
        for (int64_t i = 0; i <= verified.ends[p]; ++i) verified.number_at[p][i] = UINT64_MAX;
        verified.next[p] = low;
        if (verified.ends[p] > low) rd_kafka_topic_partition_list_add(list, o->topic, (int32_t)p)->offset = low;
    }
}

static void check_acks(const struct options* o) {
    FILE* acks = fopen(o->acks_path, "rb");
    if (acks == NULL) die("cannot read %s", o->acks_path);
    struct ack ack;
    while (fread(&ack, sizeof ack, 1, acks) == 1) {
        const int is_there = (uint64_t)ack.partition < o->partitions && ack.offset >= 0 &&
                             ack.offset < verified.ends[ack.partition] &&
                             verified.number_at[ack.partition][ack.offset] == ack.number;
        if (is_there) continue;
        ++verified.lost_acks;
        complain("acknowledged, but not there", ack.partition, ack.offset, ack.number);
    }
    fclose(acks);
}

static int verify(rd_kafka_t* client, const struct options* o) {
    const int counts_only = strcmp(o->mode, "consume") == 0;
    rd_kafka_topic_partition_list_t* list = rd_kafka_topic_partition_list_new((int)o->partitions);
    uint8_t* expected = malloc(o->bytes);
    if (list == NULL || expected == NULL) die("out of memory");
    rd_kafka_poll_set_consumer(client);
    find_ends(client, o, list);
    uint64_t wanted = 0;
    for (int i = 0; i < list->cnt; ++i) {
        const int32_t p = list->elems[i].partition;
        wanted += (uint64_t)(verified.ends[p] - verified.next[p]);
    }
    rd_kafka_assign(client, list);
    const int64_t started = now_us();
    int64_t last_record = started;
    const char* stall = "";
    while (verified.read < wanted && !stopped) {
        rd_kafka_message_t* m = rd_kafka_consumer_poll(client, 200);
        if (m != NULL && m->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
            if (counts_only) ++verified.read;
            else check_record(o, m, expected);
            last_record = now_us();
        } else if (m != NULL) {
            fprintf(stderr, "rdkafka_load: %s\n", rd_kafka_message_errstr(m));
        }
        if (m != NULL) rd_kafka_message_destroy(m);
        if (now_us() - last_record > 30 * 1000000) {
            stall = "no record for 30 seconds";
            break;
        }
    }
    if (o->acks_path != NULL) check_acks(o);
    const double seconds = (double)(now_us() - started + 1) / 1e6;
    printf("{\"read\": %" PRIu64 ", \"wanted\": %" PRIu64 ", \"damaged\": %" PRIu64 ", \"disordered\": %" PRIu64 ", "
           "\"lost_acks\": %" PRIu64 ", \"error\": \"%s\", \"seconds\": %.3f, \"mb_per_s\": %.2f}\n",
           verified.read, wanted, verified.damaged, verified.disordered, verified.lost_acks, stall, seconds,
           (double)verified.read * (double)o->bytes / 1e6 / seconds);
    const int complete = verified.read == wanted && (o->records == 0 || wanted == o->records);
    return !complete || verified.damaged > 0 || verified.disordered > 0 || verified.lost_acks > 0;
}

// Arguments -----------------------------------------------------------------------------------------------------------

static void set(rd_kafka_conf_t* conf, const char* key, const char* value) {
    char error[256];
    if (rd_kafka_conf_set(conf, key, value, error, sizeof error) != RD_KAFKA_CONF_OK) die("%s", error);
}

static void set_pair(rd_kafka_conf_t* conf, const char* pair) {
    const char* equals = strchr(pair, '=');
    char key[100];
    if (equals == NULL || (size_t)(equals - pair) >= sizeof key) die("--config wants key=value");
    memcpy(key, pair, (size_t)(equals - pair));
    key[equals - pair] = '\0';
    set(conf, key, equals + 1);
}

static uint64_t number_of(const char* text, uint64_t max) {
    char* end = NULL;
    const uint64_t value = strtoull(text, &end, 10);
    if (*text == '\0' || *end != '\0' || value > max) die("\"%s\" is not a number up to %" PRIu64, text, max);
    return value;
}

static void parse(int argc, char** argv, struct options* o, rd_kafka_conf_t* conf) {
    if (argc < 4) die("usage: rdkafka_load produce|ping|watch|verify|consume BROKERS TOPIC [--option value]...");
    o->mode = argv[1];
    o->brokers = argv[2];
    o->topic = argv[3];
    for (int i = 4; i < argc; i += 2) {
        if (i + 1 == argc) die("%s needs a value", argv[i]);
        const char* value = argv[i + 1];
        if (strcmp(argv[i], "--records") == 0) o->records = number_of(value, UINT64_MAX / 2);
        else if (strcmp(argv[i], "--bytes") == 0) o->bytes = number_of(value, record_bytes_max);
        else if (strcmp(argv[i], "--partitions") == 0) o->partitions = number_of(value, partitions_max);
        else if (strcmp(argv[i], "--seconds") == 0) o->seconds = number_of(value, 86400);
        else if (strcmp(argv[i], "--warmup") == 0) o->warmup_seconds = number_of(value, 3600);
        else if (strcmp(argv[i], "--rate") == 0) o->rate = number_of(value, 100000000);
        else if (strcmp(argv[i], "--gap-ms") == 0) o->gap_ms = number_of(value, 3600000);
        else if (strcmp(argv[i], "--seed") == 0) o->seed = number_of(value, UINT64_MAX / 2);
        else if (strcmp(argv[i], "--acks-file") == 0) o->acks_path = value;
        else if (strcmp(argv[i], "--config") == 0) set_pair(conf, value);
        else if (strcmp(argv[i], "--only") == 0) {
            o->first_partition = number_of(value, partitions_max);
            o->only_one_partition = 1;
        } else die("unknown option %s", argv[i]);
    }
    if (o->bytes < header_bytes) die("--bytes must be at least %d", header_bytes);
    if (o->partitions == 0) die("--partitions must be at least 1");
}

int main(int argc, char** argv) {
    struct options o = {.records = 0, .bytes = 100, .partitions = 1, .seed = 1, .gap_ms = 20};
    rd_kafka_conf_t* conf = rd_kafka_conf_new();
    const int reads = argc > 1 && (strcmp(argv[1], "verify") == 0 || strcmp(argv[1], "consume") == 0);
    if (reads) {
        set(conf, "group.id", "unused");
        set(conf, "enable.auto.commit", "false");
        set(conf, "enable.partition.eof", "false");
        set(conf, "check.crcs", "true");
    } else {
        set(conf, "acks", "all");
        set(conf, "queue.buffering.max.messages", "100000");
        set(conf, "queue.buffering.max.kbytes", "262144");
        rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
    }
    set(conf, "message.max.bytes", "16777216");
    parse(argc, argv, &o, conf);
    if (strcmp(o.mode, "ping") == 0 || strcmp(o.mode, "watch") == 0) set(conf, "linger.ms", "0");
    set(conf, "bootstrap.servers", o.brokers);
    if (!reads && o.acks_path != NULL) {
        produced.acks = fopen(o.acks_path, "ab");
        if (produced.acks == NULL) die("cannot write %s", o.acks_path);
    }
    signal(SIGTERM, on_signal);
    signal(SIGINT, on_signal);

    char error[256];
    rd_kafka_t* client = rd_kafka_new(reads ? RD_KAFKA_CONSUMER : RD_KAFKA_PRODUCER, conf, error, sizeof error);
    if (client == NULL) die("%s", error);
    return reads ? verify(client, &o) : produce(client, &o);
}
