/* MQTT traffic by the Paho client for C, for captures.
 *
 *     paho_c 3.1|3.1.1|5 HOST PORT SCENARIO...
 *
 * Every scenario uses clients of its own and topics under "c/". MAX_QOS in the environment is the highest QoS that the
 * broker has, 2 by default.
 */
#include <MQTTClient.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PATIENCE = 15000 }; /* milliseconds until a call is given up */

static int level, highest = 2;
static char address[200];

static void check(int good, const char *what)
{
    if (!good) {
        fprintf(stderr, "paho_c: %s failed\n", what);
        exit(1);
    }
}

static MQTTClient opened(const char *id, int clean, int with_will)
{
    MQTTClient client;
    MQTTClient_createOptions create = MQTTClient_createOptions_initializer;
    create.MQTTVersion = level;
    check(MQTTClient_createWithOptions(&client, address, id, MQTTCLIENT_PERSISTENCE_NONE, NULL, &create) == 0, "create");
    MQTTClient_connectOptions options = MQTTClient_connectOptions_initializer;
    MQTTClient_connectOptions options5 = MQTTClient_connectOptions_initializer5;
    if (level == MQTTVERSION_5) {
        options = options5;
        options.cleanstart = clean;
    } else {
        options.MQTTVersion = level;
        options.cleansession = clean;
    }
    options.keepAliveInterval = 30;
    options.username = "user";
    options.password = "secret";
    MQTTClient_willOptions will = MQTTClient_willOptions_initializer;
    will.topicName = "c/will";
    will.message = "gone";
    will.qos = 1;
    if (with_will)
        options.will = &will;
    if (level == MQTTVERSION_5) {
        MQTTProperties properties = MQTTProperties_initializer;
        if (!clean) {
            MQTTProperty expiry = {.identifier = MQTTPROPERTY_CODE_SESSION_EXPIRY_INTERVAL, .value.integer4 = 60};
            MQTTProperties_add(&properties, &expiry);
        }
        MQTTResponse response = MQTTClient_connect5(client, &options, &properties, NULL);
        check(response.reasonCode == MQTTREASONCODE_SUCCESS, "connect5");
        MQTTResponse_free(response);
        MQTTProperties_free(&properties);
    } else {
        check(MQTTClient_connect(client, &options) == MQTTCLIENT_SUCCESS, "connect");
    }
    return client;
}

static void subscribe(MQTTClient client, const char *topic, int qos)
{
    if (level == MQTTVERSION_5) {
        MQTTResponse response = MQTTClient_subscribe5(client, topic, qos, NULL, NULL);
        check(response.reasonCode <= MQTTREASONCODE_GRANTED_QOS_2, "subscribe5");
        MQTTResponse_free(response);
    } else {
        check(MQTTClient_subscribe(client, topic, qos) == MQTTCLIENT_SUCCESS, "subscribe");
    }
}

static void unsubscribe(MQTTClient client, const char *topic)
{
    if (level == MQTTVERSION_5)
        MQTTResponse_free(MQTTClient_unsubscribe5(client, topic, NULL));
    else
        check(MQTTClient_unsubscribe(client, topic) == MQTTCLIENT_SUCCESS, "unsubscribe");
}

static void publish(MQTTClient client, const char *topic, const char *payload, int qos, int retain)
{
    MQTTClient_deliveryToken token = 0;
    int size = (int)strlen(payload);
    if (level == MQTTVERSION_5) {
        MQTTProperties properties = MQTTProperties_initializer;
        MQTTProperty type = {.identifier = MQTTPROPERTY_CODE_CONTENT_TYPE, .value.data = {10, "text/plain"}};
        MQTTProperties_add(&properties, &type);
        MQTTResponse response = MQTTClient_publish5(client, topic, size, payload, qos, retain, &properties, &token);
        check(response.reasonCode < MQTTREASONCODE_UNSPECIFIED_ERROR, "publish5");
        MQTTResponse_free(response);
        MQTTProperties_free(&properties);
    } else {
        check(MQTTClient_publish(client, topic, size, payload, qos, retain, &token) == MQTTCLIENT_SUCCESS, "publish");
    }
    if (qos > 0)
        check(MQTTClient_waitForCompletion(client, token, PATIENCE) == MQTTCLIENT_SUCCESS, "acknowledgement");
}

static void receive(MQTTClient client, int count)
{
    while (count-- > 0) {
        char *topic = NULL;
        int length = 0;
        MQTTClient_message *message = NULL;
        check(MQTTClient_receive(client, &topic, &length, &message, PATIENCE) >= 0 && message, "a message");
        MQTTClient_freeMessage(&message);
        MQTTClient_free(topic);
    }
}

static void closed(MQTTClient client)
{
    if (level == MQTTVERSION_5)
        MQTTClient_disconnect5(client, 2000, MQTTREASONCODE_SUCCESS, NULL);
    else
        MQTTClient_disconnect(client, 2000);
    MQTTClient_destroy(&client);
}

static void scenario_qos(void)
{
    char topic[40];
    MQTTClient subscriber = opened("c-qos-sub", 1, 0), publisher = opened("c-qos-pub", 1, 0);
    for (int granted = 0; granted <= highest; granted++) {
        snprintf(topic, sizeof topic, "c/qos/%d/+", granted);
        subscribe(subscriber, topic, granted);
    }
    for (int granted = 0; granted <= highest; granted++)
        for (int qos = 0; qos <= highest; qos++) {
            snprintf(topic, sizeof topic, "c/qos/%d/%d", granted, qos);
            publish(publisher, topic, "by Paho for C", qos, 0);
            receive(subscriber, 1);
        }
    unsubscribe(subscriber, "c/qos/0/+");
    publish(publisher, "c/qos/0/0", "to nobody", 0, 0);
    closed(publisher);
    closed(subscriber);
}

static void scenario_wills(void)
{
    MQTTClient watcher = opened("c-will-watch", 1, 0);
    subscribe(watcher, "c/will", 1);
    pid_t child = fork();
    if (child == 0) {
        /* Threads do not outlive a fork: the child begins anew as a program of its own. */
        char version[8], host[200], port[8];
        snprintf(version, sizeof version, "%s", level == MQTTVERSION_5 ? "5" : level == MQTTVERSION_3_1 ? "3.1" : "3.1.1");
        sscanf(address, "tcp://%199[^:]:%7s", host, port);
        execl("/proc/self/exe", "paho_c", version, host, port, "victim", (char *)NULL);
        _exit(1);
    }
    waitpid(child, NULL, 0);
    receive(watcher, 1);
    closed(watcher);
}

static void scenario_victim(void)
{
    opened("c-will", 1, 1);
    _exit(0);
}

static void scenario_retained(void)
{
    char topic[40];
    MQTTClient publisher = opened("c-ret-pub", 1, 0);
    for (int qos = 0; qos <= highest; qos++) {
        snprintf(topic, sizeof topic, "c/ret/%d", qos);
        publish(publisher, topic, "kept", qos, 1);
    }
    MQTTClient late = opened("c-ret-late", 1, 0);
    subscribe(late, "c/ret/#", highest);
    receive(late, highest + 1);
    closed(late);
    for (int qos = 0; qos <= highest; qos++) {
        snprintf(topic, sizeof topic, "c/ret/%d", qos);
        publish(publisher, topic, "", qos, 1);
    }
    closed(publisher);
}

static void scenario_session(void)
{
    MQTTClient first = opened("c-session", 0, 0);
    subscribe(first, "c/session/+", highest);
    closed(first);
    MQTTClient publisher = opened("c-session-pub", 1, 0);
    for (int qos = 1; qos <= highest; qos++)
        publish(publisher, qos == 1 ? "c/session/1" : "c/session/2", "queued", qos, 0);
    closed(publisher);
    MQTTClient again = opened("c-session", 0, 0);
    receive(again, highest);
    closed(again);
}

int main(int count, char **words)
{
    static const struct { const char *name; void (*run)(void); } scenarios[] = {
        {"qos", scenario_qos}, {"wills", scenario_wills}, {"victim", scenario_victim},
        {"retained", scenario_retained}, {"session", scenario_session},
    };
    if (count < 5) {
        fprintf(stderr, "usage: paho_c 3.1|3.1.1|5 HOST PORT SCENARIO...\n");
        return 2;
    }
    level = strcmp(words[1], "5") == 0 ? MQTTVERSION_5 : strcmp(words[1], "3.1") == 0 ? MQTTVERSION_3_1 : MQTTVERSION_3_1_1;
    snprintf(address, sizeof address, "tcp://%s:%s", words[2], words[3]);
    if (getenv("MAX_QOS"))
        highest = atoi(getenv("MAX_QOS"));
    for (int n = 4; n < count; n++) {
        int found = 0;
        for (size_t at = 0; at < sizeof scenarios / sizeof *scenarios; at++)
            if (strcmp(words[n], scenarios[at].name) == 0) {
                found = 1;
                scenarios[at].run();
            }
        check(found, words[n]);
    }
    return 0;
}
