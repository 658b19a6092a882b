/*
 * penstock.h: the C client of Penstock, and of every broker that speaks Kafka's protocol.
 *
 * A client is a set of connections to one cluster. Producers, consumers and administrative calls belong to a client and
 * use its connections. The library starts no thread: everything happens inside the functions below, on the thread that
 * calls them, and most of it inside penstock_client_poll(). An application with an event loop of its own waits for
 * penstock_client_descriptor() and then polls with a timeout of 0.
 *
 * Threads: a client and all that belongs to it may be used by one thread at a time. Different clients share nothing, so
 * a thread each is the way to use more cores. The functions about errors and versions may be called anywhere.
 *
 * Ownership: what a function hands out belongs to the object it came from, unless the function says that the caller
 * must destroy or release it. Strings are UTF-8, end in a zero byte, and are copied where the library keeps them.
 * Destroying a client requires that its producers, consumers and results were destroyed before.
 *
 * Errors are values: 0 is success; see penstock_error. No function sets errno. Running out of memory ends the process,
 * and so does breaking a rule that this file states, with a sentence on stderr.
 *
 * Structs of options start with their size, which PENSTOCK_..._INIT fills in together with every default, so programs
 * built against an older header keep working. Times are in milliseconds, sizes in bytes, timestamps in milliseconds of
 * Unix time.
 */
#ifndef PENSTOCK_H
#define PENSTOCK_H

#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#define PENSTOCK_API __attribute__((visibility("default")))
#else
#define PENSTOCK_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Errors ------------------------------------------------------------------------------------------------------ */

/*
 * What a function came to. 0 is success. What a broker answered keeps Kafka's number (above 0, and -1), so every error
 * of Kafka's protocol can appear; the library's own are below -1000.
 */
typedef int32_t penstock_error;

enum {
    PENSTOCK_OK = 0,
    PENSTOCK_FULL = -1001,        /* a bound on memory is reached: poll, then try again */
    PENSTOCK_EMPTY = -1002,       /* there is nothing now: poll, then try again */
    PENSTOCK_TIMED_OUT = -1003,   /* nothing came of it in time, and nothing was changed */
    PENSTOCK_UNREACHABLE = -1004, /* no broker could be reached, or the connection broke */
    PENSTOCK_INVALID = -1005,     /* an argument or an option makes no sense */
    PENSTOCK_UNSUPPORTED = -1006, /* the broker, or this build, does not offer it */
    PENSTOCK_MALFORMED = -1007,   /* bytes from a broker break their format */
    PENSTOCK_TOO_LARGE = -1008,   /* above a bound that does not change by waiting */
    PENSTOCK_UNKNOWN = -1009,     /* sent, but the answer was lost: it may have happened, or not */
    PENSTOCK_SYSTEM = -1010,      /* the operating system refused */

    /* Kafka's, as far as programs commonly ask for them. */
    PENSTOCK_OFFSET_OUT_OF_RANGE = 1,
    PENSTOCK_UNKNOWN_TOPIC_OR_PARTITION = 3,
    PENSTOCK_MESSAGE_TOO_LARGE = 10,
    PENSTOCK_REBALANCE_IN_PROGRESS = 27,
    PENSTOCK_TOPIC_ALREADY_EXISTS = 36
};

/* A short name, such as "PENSTOCK_FULL" or Kafka's "NOT_LEADER_OR_FOLLOWER". Static; never null. */
PENSTOCK_API const char *penstock_error_name(penstock_error error);

/* A sentence for humans about the error in general. Static; never null. */
PENSTOCK_API const char *penstock_error_message(penstock_error error);

/* 1 if the same call may succeed later without anything being changed, else 0. */
PENSTOCK_API int penstock_error_is_transient(penstock_error error);

/* The version of the library, such as "0.1.0". Static. */
PENSTOCK_API const char *penstock_version(void);

/* ---- Port -------------------------------------------------------------------------------------------------------- */

/*
 * A network port that the process has to itself: its clients send and receive past the kernel, by DPDK. One in a
 * process, opened once. It needs Penstock's DPDK plug-in (libpenstock_dpdk.so) and DPDK's libraries, which are loaded
 * when it is opened. The port is no host: it answers ARP and ping, and nobody else's packets.
 */
typedef struct penstock_port penstock_port;

typedef struct penstock_port_options {
    size_t size;
    const char *device;      /* as DPDK names it: "0000:01:00.0", or a virtual one: "net_af_packet0,iface=eth1" */
    const char *address;     /* its own, of IPv4, with the prefix: "10.0.0.2/24" */
    const char *gateway;     /* to all other networks; NULL: they are not reached */
    const char *arguments;   /* more of them for DPDK's environment, with spaces between; NULL: none */
    uint64_t memory_bytes;   /* for frames: 256 MiB */
    int32_t huge_pages;      /* 1: of huge pages, as real devices need it. 0: of ordinary ones */
    int32_t mtu;             /* of IP: 1500 */
    int32_t vlan;            /* that frames are tagged with; 0: none */
    int32_t clients;         /* that may exist at a time, each with a queue of the device: 1 */
} penstock_port_options;

#define PENSTOCK_PORT_OPTIONS_INIT \
    {sizeof(penstock_port_options), NULL, NULL, NULL, NULL, UINT64_C(268435456), 1, 1500, 0, 1}

/*
 * On success *port is the caller's, to be given to penstock_port_close(). Otherwise `why`, which has room for
 * `why_bytes`, is a sentence of what cannot be used and what to do; it may be NULL. PENSTOCK_INVALID: an option makes
 * no sense; PENSTOCK_SYSTEM: DPDK or the device refused.
 */
PENSTOCK_API penstock_error penstock_port_open(const penstock_port_options *options, penstock_port **port, char *why,
                                               size_t why_bytes);

/* After its clients are destroyed. NULL is ignored. No port can be opened afterwards. */
PENSTOCK_API void penstock_port_close(penstock_port *port);

/* ---- Client ------------------------------------------------------------------------------------------------------ */

typedef struct penstock_client penstock_client;

typedef struct penstock_client_options {
    size_t size;
    /*
     * Brokers to begin with; the others are learnt from them. "ROAD://host:port[,host:port...]", where the road is
     *   udp   Penstock's own transport (the default where no road is given; port 9192)
     *   tcp   Kafka's protocol over TCP, with any Kafka broker (port 9092)
     *   dpdk  the same transport on a network port that the process owns, which `port` names
     * Names are resolved when they are needed, and that blocks.
     */
    const char *bootstrap;
    const char *client_id;        /* what brokers call this client in their logs; NULL: "penstock" */
    int32_t connect_timeout_ms;   /* until a connection is up; 10,000 */
    int32_t request_timeout_ms;   /* until a request is answered, beyond what it may wait for; 30,000 */
    int32_t metadata_age_ms;      /* what is known of topics and leaders is asked for again; 300,000 */
    int32_t unused;               /* 0 */
    penstock_port *port;          /* of the road dpdk, and only of it; must outlive the client. NULL: none */
} penstock_client_options;

#define PENSTOCK_CLIENT_OPTIONS_INIT {sizeof(penstock_client_options), NULL, NULL, 10000, 30000, 300000, 0, NULL}

/*
 * Makes a client. Does not wait for a connection: the first use does. On success *client is the caller's, to be given
 * to penstock_client_destroy(). PENSTOCK_INVALID: the bootstrap addresses or another option cannot be used.
 * PENSTOCK_FULL: the port has no queue for another client.
 */
PENSTOCK_API penstock_error penstock_client_create(const penstock_client_options *options, penstock_client **client);

/* Closes all connections. NULL is ignored. Its producers, consumers and results must be destroyed before. */
PENSTOCK_API void penstock_client_destroy(penstock_client *client);

/*
 * Sends what is due, receives what is there, and keeps what the client knows of the cluster fresh. Returns after
 * something happened, when `timeout_ms` is over, or when a signal came; -1 waits without an end, 0 not at all. What
 * happened is then found at the producers (penstock_producer_completions) and consumers (penstock_consumer_next,
 * penstock_consumer_next_event). 1: something happened; 0: nothing. On the road dpdk it spins instead of waiting, and
 * signals do not end it.
 */
PENSTOCK_API int penstock_client_poll(penstock_client *client, int timeout_ms);

/*
 * A descriptor for poll(), epoll or the like: readable when penstock_client_poll() has something to do, also when a
 * deadline of its own has come. It must not be read or closed. Wait for it only after penstock_client_poll() with a
 * timeout of 0 has returned 0, and without another call in between that sends something or sets it in motion. On the
 * road dpdk nothing tells that something has arrived: it is readable after 50 microseconds at the latest.
 */
PENSTOCK_API int penstock_client_descriptor(penstock_client *client);

/*
 * What went wrong last, as a sentence that names brokers, topics and what to do; empty if nothing did. Valid until the
 * next call for this client.
 */
PENSTOCK_API const char *penstock_client_last_error(penstock_client *client);

/* ---- Records ----------------------------------------------------------------------------------------------------- */

/* Bytes of somebody. data NULL is Kafka's null, which is not the same as no bytes. */
typedef struct penstock_bytes {
    const void *data;
    size_t size;
} penstock_bytes;

typedef struct penstock_header {
    const char *name;     /* of name_size bytes; need not end in a zero byte */
    size_t name_size;
    penstock_bytes value;
} penstock_header;

/* ---- Producer ---------------------------------------------------------------------------------------------------- */

typedef struct penstock_producer penstock_producer;

typedef enum penstock_compression {
    PENSTOCK_COMPRESSION_NONE = 0,
    PENSTOCK_COMPRESSION_GZIP = 1,
    PENSTOCK_COMPRESSION_SNAPPY = 2,
    PENSTOCK_COMPRESSION_LZ4 = 3,
    PENSTOCK_COMPRESSION_ZSTD = 4
} penstock_compression;

typedef struct penstock_producer_options {
    size_t size;
    int32_t acks;                 /* -1: all in-sync replicas have it (default); 1: the leader; 0: nobody is asked */
    int32_t idempotent;           /* 1: retries never write a record twice, order is kept (needs acks -1); 0: off;
                                     -1: on if acks is -1 (default) */
    penstock_compression compression;   /* of whole batches; none */
    int32_t linger_ms;            /* how long a batch waits for more records; 5 */
    uint32_t batch_bytes;         /* a batch is sent when it is so large; 65,536 */
    uint64_t buffer_bytes;        /* of records not settled yet; then PENSTOCK_FULL; 67,108,864 */
    int32_t delivery_timeout_ms;  /* from penstock_producer_send() until a record is given up; 120,000 */
    int32_t create_topic;         /* 1: a broker that is set so creates the topic if it does not exist; 0 */
} penstock_producer_options;

#define PENSTOCK_PRODUCER_OPTIONS_INIT \
    {sizeof(penstock_producer_options), -1, -1, PENSTOCK_COMPRESSION_NONE, 5, 65536u, 67108864u, 120000, 0}

#define PENSTOCK_PARTITION_ANY (-1)
#define PENSTOCK_TIME_NOW INT64_MIN

typedef struct penstock_record {
    penstock_bytes key;              /* NULL: no key */
    penstock_bytes value;            /* NULL: no value, which deletes the key in a compacted topic */
    const penstock_header *headers;  /* header_count of them */
    size_t header_count;
    int64_t timestamp;               /* or PENSTOCK_TIME_NOW */
    int32_t partition;               /* or PENSTOCK_PARTITION_ANY: by the key as all of Kafka's clients do (murmur2);
                                        without a key the same partition until its batch is full */
    uint64_t tag;                    /* the application's; comes back with the completion */
} penstock_record;

#define PENSTOCK_RECORD_INIT {{NULL, 0}, {NULL, 0}, NULL, 0, PENSTOCK_TIME_NOW, PENSTOCK_PARTITION_ANY, 0}

/*
 * Makes a producer for one topic; it is the caller's, to be given to penstock_producer_destroy(). Does not wait: the
 * topic's partitions are asked for in penstock_client_poll(). NULL options are the defaults. PENSTOCK_INVALID: an
 * option makes no sense.
 */
PENSTOCK_API penstock_error penstock_producer_create(penstock_client *client, const char *topic,
                                                     const penstock_producer_options *options,
                                                     penstock_producer **producer);

/* Gives up what is not settled: flush before. NULL is ignored. */
PENSTOCK_API void penstock_producer_destroy(penstock_producer *producer);

/*
 * Takes a copy of a record into the batch of its partition. Sends nothing: penstock_client_poll() does.
 * PENSTOCK_FULL: buffer_bytes are in use, or the topic's partitions are not known yet: poll and try again.
 * PENSTOCK_TOO_LARGE: no batch could hold it. PENSTOCK_INVALID: no such partition. Other errors: the topic cannot be
 * used (PENSTOCK_UNKNOWN_TOPIC_OR_PARTITION, ...). A record that was not taken has no completion.
 */
PENSTOCK_API penstock_error penstock_producer_send(penstock_producer *producer, const penstock_record *record);

/*
 * Room for a value of up to `value_size` bytes inside the batch, so that the application writes it there itself; the
 * record's own value is not looked at. On success *value may be written until penstock_producer_commit() or
 * penstock_producer_abandon(), one of which must follow before anything else is done with the client. Errors as for
 * penstock_producer_send().
 */
PENSTOCK_API penstock_error penstock_producer_reserve(penstock_producer *producer, const penstock_record *record,
                                                      size_t value_size, void **value);

/* The reserved value is written; `value_size` of its bytes count, at most what was reserved. */
PENSTOCK_API void penstock_producer_commit(penstock_producer *producer, size_t value_size);

/* The reserved record is not wanted. */
PENSTOCK_API void penstock_producer_abandon(penstock_producer *producer);

/* What became of records that were sent together: a run of one partition, in the order in which they were given. */
typedef struct penstock_completion {
    penstock_error error;      /* of all of them. PENSTOCK_UNKNOWN: some or all may have been written */
    int32_t partition;
    int64_t first_offset;      /* the i-th record has first_offset + i; -1 with acks 0, or if it is not known */
    int64_t append_time;       /* where the broker gives its own time to records; else -1 */
    const uint64_t *tags;      /* of the records */
    size_t records;
} penstock_completion;

/*
 * Moves up to `max` completions into `out`; returns how many. Every record that was taken is in exactly one of them.
 * Their tags are valid until the next call of this function for the same producer.
 */
PENSTOCK_API size_t penstock_producer_completions(penstock_producer *producer, penstock_completion *out, size_t max);

/* Sends partial batches without waiting for linger_ms. Does not wait: penstock_producer_flush() does. */
PENSTOCK_API void penstock_producer_push(penstock_producer *producer);

/*
 * Sends all and polls until every record is settled; the completions are then there to be taken. PENSTOCK_TIMED_OUT:
 * some are not settled after `timeout_ms` (-1: waits without an end), and stay under way.
 */
PENSTOCK_API penstock_error penstock_producer_flush(penstock_producer *producer, int timeout_ms);

/* Records that were taken and are not settled yet. */
PENSTOCK_API uint64_t penstock_producer_unsettled(const penstock_producer *producer);

/* How often a batch had to be sent again, after a lost connection or a refusal that passes. */
PENSTOCK_API uint64_t penstock_producer_retried_batches(const penstock_producer *producer);

/*
 * How many partitions the topic has: 0 while that is not known. *error, which may be NULL, is then why the topic cannot
 * be used, if it cannot.
 */
PENSTOCK_API int32_t penstock_producer_partitions(const penstock_producer *producer, penstock_error *error);

/* ---- Consumer ---------------------------------------------------------------------------------------------------- */

typedef struct penstock_consumer penstock_consumer;
typedef struct penstock_batch penstock_batch;

/* Where to start: an offset, or one of these. */
#define PENSTOCK_OFFSET_LATEST (-1)     /* behind the last record */
#define PENSTOCK_OFFSET_EARLIEST (-2)   /* the first record that is still there */
#define PENSTOCK_OFFSET_TIME (-3)       /* the first record whose timestamp is not before `timestamp` */
#define PENSTOCK_OFFSET_COMMITTED (-4)  /* what the group committed; without that, as option `start` says */

typedef struct penstock_position {
    const char *topic;
    int32_t partition;
    int64_t offset;       /* where to read next */
    int64_t timestamp;    /* with PENSTOCK_OFFSET_TIME */
} penstock_position;

typedef struct penstock_consumer_options {
    size_t size;
    const char *group;              /* NULL: of no group: nothing is committed */
    const char *group_instance;     /* makes the member static: it keeps its partitions over a restart; NULL */
    int64_t start;                  /* where nothing is committed, or what was is gone: PENSTOCK_OFFSET_LATEST
                                       (default), PENSTOCK_OFFSET_EARLIEST, or PENSTOCK_OFFSET_COMMITTED: then that
                                       is an error */
    int32_t commit_interval_ms;     /* what was released is committed so often; 0: only by penstock_consumer_commit();
                                       5,000 */
    int32_t session_timeout_ms;     /* silence after which the group goes on without this member; 45,000 */
    int32_t heartbeat_interval_ms;  /* 3,000 */
    int32_t rebalance_timeout_ms;   /* how long the others are waited for, and wait for us; 60,000 */
    int32_t fetch_wait_ms;          /* how long a broker may hold back an answer without records; 500 */
    uint32_t partition_bytes;       /* of one partition in one answer; 1,048,576 */
    uint64_t buffer_bytes;          /* of batches that nobody took yet; 67,108,864 */
    int32_t check_crcs;             /* 1: the checksum of every batch is verified (default); 0 */
    int32_t read_committed;         /* 1: only records of committed transactions; 0 */
} penstock_consumer_options;

#define PENSTOCK_CONSUMER_OPTIONS_INIT                                                                         \
    {sizeof(penstock_consumer_options), NULL, NULL, PENSTOCK_OFFSET_LATEST, 5000, 45000, 3000, 60000, 500, 1048576u, \
     67108864u, 1, 0}

/* Makes a consumer; it is the caller's, to be given to penstock_consumer_destroy(). NULL options are the defaults. */
PENSTOCK_API penstock_error penstock_consumer_create(penstock_client *client, const penstock_consumer_options *options,
                                                     penstock_consumer **consumer);

/*
 * Ends it at once; the group, if there is one, notices when the session times out: penstock_consumer_leave() before.
 * Batches that are not released yet must be released before. NULL is ignored.
 */
PENSTOCK_API void penstock_consumer_destroy(penstock_consumer *consumer);

/* Reads exactly these partitions from now on, instead of what it read before. Not together with subscribe. */
PENSTOCK_API penstock_error penstock_consumer_assign(penstock_consumer *consumer, const penstock_position *positions,
                                                     size_t count);

/* Joins the group for these topics; which partitions that means is agreed by all members. */
PENSTOCK_API penstock_error penstock_consumer_subscribe(penstock_consumer *consumer, const char *const *topics,
                                                        size_t count);

/* Goes on elsewhere in a partition that is assigned now. Batches of it that were not taken yet are dropped. */
PENSTOCK_API penstock_error penstock_consumer_seek(penstock_consumer *consumer, const penstock_position *position);

/*
 * The next batch, if there is one: PENSTOCK_EMPTY if not. The batch is the caller's until penstock_batch_release().
 * Batches of one partition come in order. An error of Kafka's: *batch is NULL, and penstock_client_last_error() tells
 * which partition it is and what to do; it is told once, and that partition rests until it is assigned or sought again.
 */
PENSTOCK_API penstock_error penstock_consumer_next(penstock_consumer *consumer, penstock_batch **batch);

PENSTOCK_API const char *penstock_batch_topic(const penstock_batch *batch);
PENSTOCK_API int32_t penstock_batch_partition(const penstock_batch *batch);
/* Of the first record that it can have. */
PENSTOCK_API int64_t penstock_batch_offset(const penstock_batch *batch);
/* The offset behind its last record: where the next batch begins. */
PENSTOCK_API int64_t penstock_batch_next_offset(const penstock_batch *batch);
/* The end of the partition as the broker told it with this batch: the offset behind the last visible record. */
PENSTOCK_API int64_t penstock_batch_high_watermark(const penstock_batch *batch);

typedef struct penstock_record_view {
    int64_t offset;
    int64_t timestamp;
    penstock_bytes key;
    penstock_bytes value;
    size_t header_count;
} penstock_record_view;

/*
 * The next record of the batch, as a view of the bytes that arrived (or were decompressed): valid until the batch is
 * released. PENSTOCK_EMPTY: that was the last. PENSTOCK_MALFORMED: the bytes are not what they say.
 */
PENSTOCK_API penstock_error penstock_batch_next(penstock_batch *batch, penstock_record_view *record);

/* The next header of the record that penstock_batch_next() gave last. PENSTOCK_EMPTY: that was the last. */
PENSTOCK_API penstock_error penstock_batch_next_header(penstock_batch *batch, penstock_header *header);

/* Done with it: it counts as consumed, and is what a commit commits. NULL is ignored. */
PENSTOCK_API void penstock_batch_release(penstock_batch *batch);

/* The assigned partitions and what each will read next; valid until the next call for this client. */
PENSTOCK_API size_t penstock_consumer_positions(penstock_consumer *consumer, const penstock_position **positions);

typedef enum penstock_event_kind {
    PENSTOCK_EVENT_ASSIGNED = 1,   /* the group agreed: penstock_consumer_positions() has what is ours now */
    PENSTOCK_EVENT_REVOKED = 2,    /* the group agrees anew: nothing is ours; what was released has been committed */
    PENSTOCK_EVENT_COMMITTED = 3,  /* an asynchronous commit ended; see `error` */
    PENSTOCK_EVENT_FAILED = 4      /* the group refused us; see `error`. It is tried again unless it makes no sense */
} penstock_event_kind;

typedef struct penstock_event {
    penstock_event_kind kind;
    penstock_error error;
} penstock_event;

/* The next thing that happened with the group. PENSTOCK_EMPTY: nothing. At most 64 wait; the oldest are dropped. */
PENSTOCK_API penstock_error penstock_consumer_next_event(penstock_consumer *consumer, penstock_event *event);

/*
 * Commits how far batches were released, and polls until the group's coordinator has it, at most `timeout_ms`. With
 * timeout 0 it does not wait: PENSTOCK_EVENT_COMMITTED follows.
 */
PENSTOCK_API penstock_error penstock_consumer_commit(penstock_consumer *consumer, int timeout_ms);

/* Commits, leaves the group, and polls until that is done, at most `timeout_ms`. Then only destroy makes sense. */
PENSTOCK_API penstock_error penstock_consumer_leave(penstock_consumer *consumer, int timeout_ms);

/* ---- Administration ---------------------------------------------------------------------------------------------- */

/*
 * These poll the client until they are done, at most `timeout_ms`; producers and consumers of the client go on
 * meanwhile. What brokers say about a refusal is in penstock_client_last_error().
 */

typedef struct penstock_config {
    const char *name;
    const char *value;   /* NULL: back to the default, where a config is set; sensitive or not set, where it is read */
} penstock_config;

/* partitions, replication: -1 for the cluster's default. PENSTOCK_TOPIC_ALREADY_EXISTS, ... */
PENSTOCK_API penstock_error penstock_topic_create(penstock_client *client, const char *topic, int32_t partitions,
                                                  int16_t replication, const penstock_config *configs,
                                                  size_t config_count, int timeout_ms);
PENSTOCK_API penstock_error penstock_topic_delete(penstock_client *client, const char *topic, int timeout_ms);
/* To `partitions` in all. */
PENSTOCK_API penstock_error penstock_topic_grow(penstock_client *client, const char *topic, int32_t partitions,
                                                int timeout_ms);

typedef struct penstock_topic_info {
    const char *name;
    int32_t partitions;
    int32_t internal;    /* 1: the cluster's own */
} penstock_topic_info;

typedef struct penstock_topics penstock_topics;

/* On success *topics is the caller's, to be given to penstock_topics_destroy(). Sorted by name. */
PENSTOCK_API penstock_error penstock_topics_list(penstock_client *client, int timeout_ms, penstock_topics **topics);
PENSTOCK_API size_t penstock_topics_count(const penstock_topics *topics);
/* Null from the count on. Lives as long as the list. */
PENSTOCK_API const penstock_topic_info *penstock_topics_get(const penstock_topics *topics, size_t index);
PENSTOCK_API void penstock_topics_destroy(penstock_topics *topics);

typedef struct penstock_configs penstock_configs;

/* The topic's configs with their values. On success *configs is the caller's: penstock_configs_destroy(). */
PENSTOCK_API penstock_error penstock_topic_configs(penstock_client *client, const char *topic, int timeout_ms,
                                                   penstock_configs **configs);
PENSTOCK_API size_t penstock_configs_count(const penstock_configs *configs);
PENSTOCK_API const penstock_config *penstock_configs_get(const penstock_configs *configs, size_t index);
PENSTOCK_API void penstock_configs_destroy(penstock_configs *configs);

/* Sets these configs of the topic, or unsets those with value NULL, and leaves the others. */
PENSTOCK_API penstock_error penstock_topic_configure(penstock_client *client, const char *topic,
                                                     const penstock_config *configs, size_t count, int timeout_ms);

typedef struct penstock_group_info {
    const char *name;
    const char *state;      /* "Empty", "Stable", ... */
    int32_t members;        /* -1 in a list of groups: not asked for */
} penstock_group_info;

typedef struct penstock_groups penstock_groups;

/* All groups of the cluster. On success *groups is the caller's, to be given to penstock_groups_destroy(). */
PENSTOCK_API penstock_error penstock_groups_list(penstock_client *client, int timeout_ms, penstock_groups **groups);
PENSTOCK_API size_t penstock_groups_count(const penstock_groups *groups);
PENSTOCK_API const penstock_group_info *penstock_groups_get(const penstock_groups *groups, size_t index);
PENSTOCK_API void penstock_groups_destroy(penstock_groups *groups);

/* One group with the number of its members; the list has one element. */
PENSTOCK_API penstock_error penstock_group_describe(penstock_client *client, const char *group, int timeout_ms,
                                                    penstock_groups **groups);

typedef struct penstock_offsets penstock_offsets;

/* What the group committed, by topic and partition. On success *offsets is the caller's: penstock_offsets_destroy(). */
PENSTOCK_API penstock_error penstock_group_offsets(penstock_client *client, const char *group, int timeout_ms,
                                                   penstock_offsets **offsets);
PENSTOCK_API size_t penstock_offsets_count(const penstock_offsets *offsets);
PENSTOCK_API const penstock_position *penstock_offsets_get(const penstock_offsets *offsets, size_t index);
PENSTOCK_API void penstock_offsets_destroy(penstock_offsets *offsets);

/* Deletes a group without members, with its offsets. */
PENSTOCK_API penstock_error penstock_group_delete(penstock_client *client, const char *group, int timeout_ms);

#ifdef __cplusplus
}
#endif

#endif /* PENSTOCK_H */
