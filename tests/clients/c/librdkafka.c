// librdkafka as the distribution has it. See ../README.md for what the commands do.
#include <inttypes.h>
#include <librdkafka/rdkafka.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { keys = 50, value_bytes = 100 };

static int32_t partition_of_key[keys];
static int failed;

static void die(const char* format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    exit(1);
}

/// `settings`: names and values in turn, up to a NULL.
static rd_kafka_t* start(rd_kafka_type_t type, rd_kafka_conf_t* conf, const char** settings) {
    char error[256];
    for (; *settings != NULL; settings += 2) {
        const rd_kafka_conf_res_t set = rd_kafka_conf_set(conf, settings[0], settings[1], error, sizeof error);
        if (set != RD_KAFKA_CONF_OK) die("%s", error);
    }
    rd_kafka_t* client = rd_kafka_new(type, conf, error, sizeof error);
    if (client == NULL) die("%s", error);
    return client;
}

static void on_delivery(rd_kafka_t* client, const rd_kafka_message_t* message, void* unused) {
    (void)client;
    (void)unused;
    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        ++failed;
        fprintf(stderr, "not delivered: %s\n", rd_kafka_err2str(message->err));
    } else {
        partition_of_key[(intptr_t)message->_private] = message->partition;
    }
}

static void produce_one(rd_kafka_t* client, const char* topic, int number) {
    char key[32];
    char value[value_bytes + 1];
    const int key_bytes = snprintf(key, sizeof key, "key-%d", number % keys);
    memset(value, 'x', sizeof value);
    value[snprintf(value, sizeof value, "%d:", number)] = 'x';
    rd_kafka_resp_err_t error;
    while ((error = rd_kafka_producev(
                client, RD_KAFKA_V_TOPIC(topic), RD_KAFKA_V_KEY(key, (size_t)key_bytes),
                RD_KAFKA_V_VALUE(value, value_bytes), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
                RD_KAFKA_V_OPAQUE((void*)(intptr_t)(number % keys)), RD_KAFKA_V_END)) != RD_KAFKA_RESP_ERR_NO_ERROR) {
        if (error != RD_KAFKA_RESP_ERR__QUEUE_FULL) die("%s", rd_kafka_err2str(error));
        rd_kafka_poll(client, 100);
    }
    rd_kafka_poll(client, 0);
}

static void produce(const char* bootstrap, const char* topic, int count, const char* codec) {
    rd_kafka_conf_t* conf = rd_kafka_conf_new();
    rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
    rd_kafka_t* client = start(RD_KAFKA_PRODUCER, conf, (const char*[]){
        "bootstrap.servers", bootstrap, "compression.codec", codec, "linger.ms", "5",
        "partitioner", "murmur2_random", "enable.idempotence", "true", NULL});
    for (int i = 0; i < count; ++i) produce_one(client, topic, i);
    if (rd_kafka_flush(client, 60000) != RD_KAFKA_RESP_ERR_NO_ERROR || failed > 0) die("%d not delivered", failed);
    printf("{\"partitions\": {");
    for (int i = 0; i < keys; ++i) printf("%s\"key-%d\": %" PRId32, i == 0 ? "" : ", ", i, partition_of_key[i]);
    printf("}}\n");
    rd_kafka_destroy(client);
}

static void say_assigned(const rd_kafka_topic_partition_list_t* list) {
    printf("{\"assigned\": [");
    for (int i = 0; i < list->cnt; ++i) printf("%s%" PRId32, i == 0 ? "" : ", ", list->elems[i].partition);
    printf("]}\n");
}

static void on_rebalance(rd_kafka_t* client, rd_kafka_resp_err_t what, rd_kafka_topic_partition_list_t* list,
                         void* unused) {
    (void)unused;
    const int assigns = what == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS;
    rd_kafka_assign(client, assigns ? list : NULL);
    if (assigns) say_assigned(list);
    else printf("{\"assigned\": []}\n");
}

static int input_ended(void) {
    struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
    return poll(&input, 1, 0) > 0;
}

static void group(const char* bootstrap, const char* topic, const char* name) {
    rd_kafka_conf_t* conf = rd_kafka_conf_new();
    rd_kafka_conf_set_rebalance_cb(conf, on_rebalance);
    rd_kafka_t* client = start(RD_KAFKA_CONSUMER, conf, (const char*[]){
        "bootstrap.servers", bootstrap, "group.id", name, "auto.offset.reset", "earliest",
        "session.timeout.ms", "10000", "auto.commit.interval.ms", "500", NULL});
    rd_kafka_poll_set_consumer(client);
    rd_kafka_topic_partition_list_t* topics = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(topics, topic, RD_KAFKA_PARTITION_UA);
    if (rd_kafka_subscribe(client, topics) != RD_KAFKA_RESP_ERR_NO_ERROR) die("cannot subscribe");
    while (!input_ended()) {
        rd_kafka_message_t* m = rd_kafka_consumer_poll(client, 200);
        if (m == NULL) continue;
        if (m->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
            printf("{\"record\": [%" PRId32 ", %" PRId64 ", \"%.*s\"]}\n", m->partition, m->offset, (int)m->len,
                   (const char*)m->payload);
        }
        rd_kafka_message_destroy(m);
    }
    rd_kafka_consumer_close(client);
    printf("{\"closed\": true}\n");
    rd_kafka_topic_partition_list_destroy(topics);
    rd_kafka_destroy(client);
}

int main(int argc, char** argv) {
    setvbuf(stdout, NULL, _IOLBF, 0);
    printf("{\"version\": \"librdkafka %s in C\"}\n", rd_kafka_version_str());
    if (argc == 6 && strcmp(argv[1], "produce") == 0) produce(argv[2], argv[3], atoi(argv[4]), argv[5]);
    else if (argc == 5 && strcmp(argv[1], "group") == 0) group(argv[2], argv[3], argv[4]);
    else die("usage: librdkafka produce BOOTSTRAP TOPIC COUNT CODEC | group BOOTSTRAP TOPIC GROUP");
    return 0;
}
