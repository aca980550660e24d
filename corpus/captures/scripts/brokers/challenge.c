/* A mosquitto plugin: MQTT 5 enhanced authentication by a small challenge and response,
 * and a topic that nobody may subscribe to.
 *
 * The method is "CHALLENGE". The broker sends two challenges, one after the other; the right
 * answer to each is the challenge with its bytes reversed. It proves nothing to anybody: it is
 * there so that AUTH packets go both ways between real programs.
 */
#include <mosquitto.h>
#include <mosquitto_broker.h>
#include <mosquitto_plugin.h>
#include <stdio.h>
#include <string.h>

#define METHOD "CHALLENGE"
#define ROUNDS 2
#define DENIED "denied/"
#define CLIENTS 64

struct exchange {
	const struct mosquitto *client;
	int round;
};

static mosquitto_plugin_id_t *plugin;
static struct exchange exchanges[CLIENTS];

static struct exchange *find(const struct mosquitto *client)
{
	for (int i = 0; i < CLIENTS; i++) {
		if (exchanges[i].client == client) return &exchanges[i];
	}
	return NULL;
}

static int answer(struct mosquitto_evt_extended_auth *auth, const char *text)
{
	size_t size = strlen(text);
	auth->data_out = mosquitto_malloc(size);
	if (auth->data_out == NULL) return MOSQ_ERR_NOMEM;
	memcpy(auth->data_out, text, size);
	auth->data_out_len = (uint16_t)size;
	return MOSQ_ERR_SUCCESS;
}

static void challenge_text(int round, char *text, size_t size)
{
	snprintf(text, size, "challenge-%d", round);
}

static int challenge(struct mosquitto_evt_extended_auth *auth, const struct exchange *exchange)
{
	char text[32];
	challenge_text(exchange->round, text, sizeof text);
	int rc = answer(auth, text);
	return rc == MOSQ_ERR_SUCCESS ? MOSQ_ERR_AUTH_CONTINUE : rc;
}

static int is_reversed(const char *text, const char *data, size_t size)
{
	if (size != strlen(text)) return 0;
	for (size_t i = 0; i < size; i++) {
		if (data[i] != text[size - 1 - i]) return 0;
	}
	return 1;
}

static int on_start(int event, void *event_data, void *userdata)
{
	struct mosquitto_evt_extended_auth *auth = event_data;
	(void)event;
	(void)userdata;
	if (strcmp(auth->auth_method, METHOD) != 0) return MOSQ_ERR_NOT_SUPPORTED;
	struct exchange *exchange = find(auth->client);
	if (exchange == NULL) exchange = find(NULL);
	if (exchange == NULL) return MOSQ_ERR_NOMEM;
	exchange->client = auth->client;
	exchange->round = 1;
	return challenge(auth, exchange);
}

static int on_continue(int event, void *event_data, void *userdata)
{
	struct mosquitto_evt_extended_auth *auth = event_data;
	struct exchange *exchange = find(auth->client);
	char text[32];
	(void)event;
	(void)userdata;
	if (exchange == NULL) return MOSQ_ERR_AUTH;
	challenge_text(exchange->round, text, sizeof text);
	if (!is_reversed(text, auth->data_in, auth->data_in_len)) return MOSQ_ERR_AUTH;
	if (exchange->round < ROUNDS) {
		exchange->round++;
		return challenge(auth, exchange);
	}
	exchange->client = NULL;
	return answer(auth, "welcome");
}

static int on_acl(int event, void *event_data, void *userdata)
{
	struct mosquitto_evt_acl_check *acl = event_data;
	(void)event;
	(void)userdata;
	if (acl->access == MOSQ_ACL_SUBSCRIBE && strncmp(acl->topic, DENIED, strlen(DENIED)) == 0) {
		return MOSQ_ERR_ACL_DENIED;
	}
	return MOSQ_ERR_SUCCESS;
}

static int on_disconnect(int event, void *event_data, void *userdata)
{
	struct mosquitto_evt_disconnect *gone = event_data;
	struct exchange *exchange = find(gone->client);
	(void)event;
	(void)userdata;
	if (exchange != NULL) exchange->client = NULL;
	return MOSQ_ERR_SUCCESS;
}

static const struct {
	int event;
	int (*handler)(int, void *, void *);
} HANDLERS[] = {
	{ MOSQ_EVT_EXT_AUTH_START, on_start },
	{ MOSQ_EVT_EXT_AUTH_CONTINUE, on_continue },
	{ MOSQ_EVT_ACL_CHECK, on_acl },
	{ MOSQ_EVT_DISCONNECT, on_disconnect },
};
#define HANDLER_COUNT (sizeof HANDLERS / sizeof HANDLERS[0])

int mosquitto_plugin_version(int supported_version_count, const int *supported_versions)
{
	for (int i = 0; i < supported_version_count; i++) {
		if (supported_versions[i] == 5) return 5;
	}
	return -1;
}

int mosquitto_plugin_init(mosquitto_plugin_id_t *identifier, void **user_data,
		struct mosquitto_opt *options, int option_count)
{
	(void)user_data;
	(void)options;
	(void)option_count;
	plugin = identifier;
	for (size_t i = 0; i < HANDLER_COUNT; i++) {
		int rc = mosquitto_callback_register(plugin, HANDLERS[i].event, HANDLERS[i].handler, NULL, NULL);
		if (rc != MOSQ_ERR_SUCCESS) return rc;
	}
	return MOSQ_ERR_SUCCESS;
}

int mosquitto_plugin_cleanup(void *user_data, struct mosquitto_opt *options, int option_count)
{
	(void)user_data;
	(void)options;
	(void)option_count;
	for (size_t i = 0; i < HANDLER_COUNT; i++) {
		mosquitto_callback_unregister(plugin, HANDLERS[i].event, HANDLERS[i].handler, NULL);
	}
	return MOSQ_ERR_SUCCESS;
}
