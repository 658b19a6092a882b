/*
 * The life of a topic: made, configured, described, grown, deleted; and what groups there are.
 *
 *     admin ADDRESSES TOPIC
 */
#include <penstock.h>

#include <stdio.h>
#include <string.h>

enum { TIMEOUT_MS = 10000 };

static int check(penstock_client *client, const char *what, penstock_error error)
{
    if (error == PENSTOCK_OK) {
        printf("%s: done\n", what);
        return 1;
    }
    printf("%s: %s: %s\n", what, penstock_error_name(error), penstock_client_last_error(client));
    return 0;
}

static void print_topics(penstock_client *client)
{
    penstock_topics *topics;
    if (!check(client, "list topics", penstock_topics_list(client, TIMEOUT_MS, &topics)))
        return;
    for (size_t i = 0; i < penstock_topics_count(topics); ++i) {
        const penstock_topic_info *topic = penstock_topics_get(topics, i);
        printf("  %s: %d partitions%s\n", topic->name, (int)topic->partitions, topic->internal ? ", internal" : "");
    }
    penstock_topics_destroy(topics);
}

static void print_config(penstock_client *client, const char *topic, const char *name)
{
    penstock_configs *configs;
    if (!check(client, "describe configs", penstock_topic_configs(client, topic, TIMEOUT_MS, &configs)))
        return;
    for (size_t i = 0; i < penstock_configs_count(configs); ++i) {
        const penstock_config *config = penstock_configs_get(configs, i);
        if (strcmp(config->name, name) == 0)
            printf("  %s=%s\n", config->name, config->value != NULL ? config->value : "(unset)");
    }
    penstock_configs_destroy(configs);
}

static void print_groups(penstock_client *client)
{
    penstock_groups *groups;
    if (!check(client, "list groups", penstock_groups_list(client, TIMEOUT_MS, &groups)))
        return;
    for (size_t i = 0; i < penstock_groups_count(groups); ++i) {
        const penstock_group_info *group = penstock_groups_get(groups, i);
        penstock_groups *described;
        penstock_offsets *offsets;
        if (penstock_group_describe(client, group->name, TIMEOUT_MS, &described) == PENSTOCK_OK) {
            printf("  %s: %s, %d members\n", group->name, penstock_groups_get(described, 0)->state,
                   (int)penstock_groups_get(described, 0)->members);
            penstock_groups_destroy(described);
        }
        if (penstock_group_offsets(client, group->name, TIMEOUT_MS, &offsets) == PENSTOCK_OK) {
            for (size_t j = 0; j < penstock_offsets_count(offsets); ++j) {
                const penstock_position *offset = penstock_offsets_get(offsets, j);
                printf("    %s %d: %lld\n", offset->topic, (int)offset->partition, (long long)offset->offset);
            }
            penstock_offsets_destroy(offsets);
        }
    }
    penstock_groups_destroy(groups);
}

int main(int argc, char **argv)
{
    penstock_client_options options = PENSTOCK_CLIENT_OPTIONS_INIT;
    const penstock_config day = {"retention.ms", "86400000"};
    const penstock_config hour = {"retention.ms", "3600000"};
    const penstock_config unset = {"retention.ms", NULL};
    penstock_client *client;
    penstock_error error;
    int fine = 1;

    if (argc != 3) {
        fprintf(stderr, "usage: %s udp://HOST[:PORT]|tcp://HOST[:PORT] TOPIC\n", argv[0]);
        return 2;
    }
    options.bootstrap = argv[1];
    error = penstock_client_create(&options, &client);
    if (error != PENSTOCK_OK) {
        fprintf(stderr, "%s: %s\n", argv[1], penstock_error_message(error));
        return 1;
    }
    if (!check(client, "create", penstock_topic_create(client, argv[2], 2, -1, &day, 1, TIMEOUT_MS))) {
        penstock_client_destroy(client);
        return 1;
    }
    print_config(client, argv[2], "retention.ms");
    fine &= check(client, "configure", penstock_topic_configure(client, argv[2], &hour, 1, TIMEOUT_MS));
    print_config(client, argv[2], "retention.ms");
    fine &= check(client, "unset", penstock_topic_configure(client, argv[2], &unset, 1, TIMEOUT_MS));
    print_config(client, argv[2], "retention.ms");
    fine &= check(client, "grow", penstock_topic_grow(client, argv[2], 4, TIMEOUT_MS));
    print_topics(client);
    print_groups(client);
    fine &= check(client, "delete", penstock_topic_delete(client, argv[2], TIMEOUT_MS));
    penstock_client_destroy(client);
    return fine ? 0 : 1;
}
