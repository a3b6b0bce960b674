/*
 * A device behind the remote-device protocol (docs/remote-protocol.md): the least that `vscsi remote check` accepts.
 *
 * Its registers are two arrays of bytes with a mask that says which bits can be written: the configuration space of a
 * virtio-scsi function, and its BAR 0. Nothing is behind them. To attach a device of your own, put its register
 * accesses into read_register and write_register, its memory or DMA beside them, and tell of it in HELLO.
 *
 *     cc -O2 -o device examples/remote/device.c && vscsi remote check --backend ./device
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST_LINE_BYTES (256 * 1024)
#define BAR_SIZE 4096
#define HELLO                                                                                       \
	"{\"version\":1,\"name\":\"example\",\"device_version\":\"1.0\",\"bars\":{\"0\":4096},"     \
	"\"line\":true,\"controls\":[\"power-cycle\"],\"units\":[]}"

/* Structures in BAR 0. */
enum { COMMON = 0x000, NOTIFY = 0x100, ISR = 0x200, DEVICE = 0x300 };
enum { NUM_QUEUES = COMMON + 0x12, DEVICE_STATUS = COMMON + 0x14 };

/* Registers: bytes, and which of their bits can be written. */
struct space {
	const char *name;
	uint32_t size;
	uint8_t bytes[4096], writable[4096];
};
static struct space config = { .name = "config", .size = 4096 };
static struct space bar0 = { .name = "bar0", .size = BAR_SIZE };

static void put(struct space *space, uint32_t offset, uint32_t value, unsigned width, uint32_t writable)
{
	for (unsigned i = 0; i < width; i++) {
		space->bytes[offset + i] = value >> (8 * i);
		space->writable[offset + i] = writable >> (8 * i);
	}
}

/* A virtio_pci_cap; that of NOTIFY_CFG (2) and PCI_CFG (5) has 4 bytes more. */
static void capability(uint32_t at, uint32_t next, uint32_t type, uint32_t offset, uint32_t length)
{
	put(&config, at, 9, 1, 0);
	put(&config, at + 1, next, 1, 0);
	put(&config, at + 2, type == 2 || type == 5 ? 20 : 16, 1, 0);
	put(&config, at + 3, type, 1, 0);
	put(&config, at + 8, offset, 4, 0);
	put(&config, at + 12, length, 4, 0);
}

/* Registers as they are after power was switched on, and after firmware has assigned the BAR. */
static void power_on(void)
{
	memset(config.bytes, 0, sizeof config.bytes);
	memset(bar0.bytes, 0, sizeof bar0.bytes);
	put(&config, 0x00, 0x1af4, 2, 0);		      /* vendor */
	put(&config, 0x02, 0x1048, 2, 0);		      /* device: virtio-scsi of virtio 1.x */
	put(&config, 0x04, 0, 2, 0x0407);		      /* command: memory, I/O, bus mastering, INTx disable */
	put(&config, 0x06, 0x0010, 2, 0);		      /* status: there is a capability list */
	put(&config, 0x08, 0x01, 1, 0);			      /* revision */
	put(&config, 0x0b, 0x01, 1, 0);			      /* class: mass storage */
	put(&config, 0x10, 0xfeb00000, 4, -(uint32_t)BAR_SIZE); /* BAR 0: memory, 32 bits */
	put(&config, 0x2c, 0x1af4, 2, 0);		      /* subsystem vendor */
	put(&config, 0x2e, 0x0040, 2, 0);		      /* subsystem */
	put(&config, 0x34, 0x40, 1, 0);			      /* first capability */
	put(&config, 0x3d, 1, 1, 0);			      /* interrupt pin A */
	capability(0x40, 0x50, 1, COMMON, 0x38);
	capability(0x50, 0x64, 2, NOTIFY, 0x10);
	capability(0x64, 0x74, 3, ISR, 1);
	capability(0x74, 0x84, 4, DEVICE, 36);
	capability(0x84, 0, 5, 0, 0);
	put(&bar0, NUM_QUEUES, 3, 2, 0);
	put(&bar0, DEVICE_STATUS, 0, 1, 0xff);
	put(&bar0, DEVICE, 1, 4, 0); /* request queues */
}

static uint32_t read_register(const struct space *space, uint32_t offset, unsigned width)
{
	uint32_t value = 0;
	for (unsigned i = 0; i < width; i++)
		value |= (uint32_t)space->bytes[offset + i] << (8 * i);
	return value;
}

static void write_register(struct space *space, uint32_t offset, unsigned width, uint32_t value)
{
	for (unsigned i = 0; i < width; i++) {
		uint8_t mask = space->writable[offset + i], byte = value >> (8 * i);
		space->bytes[offset + i] = (space->bytes[offset + i] & ~mask) | (byte & mask);
	}
}

/*
 * As much JSON as requests have: an object of strings without escapes, of whole numbers, and of objects of the same.
 * Keys of an inner object ("control" has one, with "name") are taken like those of the outer one: no two are alike.
 */
struct request {
	char op[16], space[16], transport[16], name[16];
	/* -1: left out. */
	int64_t version, offset, width, value;
};

static const char *blanks(const char *at)
{
	return at + strspn(at, " \t\r\n");
}

/* A string, of which `text` gets as much as fits. NULL: there is none. */
static const char *string(const char *at, char *text, size_t size)
{
	if (*at != '"')
		return NULL;
	size_t length = strcspn(at + 1, "\"\\");
	if (at[1 + length] != '"')
		return NULL;
	snprintf(text, size, "%.*s", (int)length, at + 1);
	return at + length + 2;
}

/* Returns what follows the object, or NULL if it is none. */
static const char *object(const char *at, struct request *request, int depth)
{
	struct { const char *key; char *text; } texts[] = {
		{ "op", request->op }, { "space", request->space },
		{ "transport", request->transport }, { "name", request->name },
	};
	struct { const char *key; int64_t *number; } numbers[] = {
		{ "version", &request->version }, { "offset", &request->offset },
		{ "width", &request->width }, { "value", &request->value },
	};
	char key[16], text[16];
	at = blanks(at);
	if (*at != '{' || depth > 1)
		return NULL;
	at = blanks(at + 1);
	if (*at == '}')
		return at + 1;
	for (;; at = blanks(at + 1)) {
		at = string(at, key, sizeof key);
		if (at == NULL || *(at = blanks(at)) != ':')
			return NULL;
		at = blanks(at + 1);
		if (*at == '{') {
			at = object(at, request, depth + 1);
		} else if (*at == '"') {
			at = string(at, text, sizeof text);
			for (size_t i = 0; at && i < sizeof texts / sizeof *texts; i++)
				if (strcmp(key, texts[i].key) == 0)
					memcpy(texts[i].text, text, sizeof text);
		} else {
			char *end;
			long long number = strtoll(at, &end, 10);
			if (end == at)
				return NULL;
			at = end;
			for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
				if (strcmp(key, numbers[i].key) == 0)
					*numbers[i].number = number;
		}
		if (at == NULL)
			return NULL;
		at = blanks(at);
		if (*at == '}')
			return at + 1;
		if (*at != ',')
			return NULL;
	}
}

static void refuse(const char *why)
{
	printf("{\"error\":\"%s\"}\n", why);
}

static void access_register(const struct request *request)
{
	struct space *space = strcmp(request->space, config.name) == 0 ? &config :
			      strcmp(request->space, bar0.name) == 0   ? &bar0 :
									 NULL;
	int64_t offset = request->offset, width = request->width;
	if (space == NULL)
		refuse("there is no such space");
	else if (width != 1 && width != 2 && width != 4)
		refuse("width is 1, 2 or 4");
	else if (offset < 0 || offset > (int64_t)space->size - width)
		refuse("that is beyond the end");
	else if (strcmp(request->op, "read") == 0)
		printf("{\"value\":%u}\n", read_register(space, offset, width));
	else if (request->value < 0 || request->value > UINT32_MAX)
		refuse("value is a number of 32 bits");
	else {
		write_register(space, offset, width, request->value);
		printf("{}\n");
	}
}

static int said_hello;

static void answer(const char *line)
{
	struct request request = { .version = -1, .offset = -1, .width = -1, .value = -1 };
	const char *end = object(line, &request, 0);
	if (end == NULL || *blanks(end) != '\0')
		refuse("no request of the protocol");
	else if (strcmp(request.op, "hello") == 0) {
		if (request.version != 1 || strcmp(request.transport, "pci") != 0) {
			refuse("version 1 is spoken here, by pci");
			return;
		}
		said_hello = 1;
		power_on();
		puts(HELLO);
	} else if (!said_hello)
		refuse("nobody has said hello");
	else if (strcmp(request.op, "read") == 0 || strcmp(request.op, "write") == 0)
		access_register(&request);
	else if (strcmp(request.op, "line") == 0)
		puts("{\"asserted\":false}");
	else if (strcmp(request.op, "poll") == 0 || strcmp(request.op, "settle") == 0)
		puts("{}");
	else if (strcmp(request.op, "control") == 0 && strcmp(request.name, "power-cycle") == 0) {
		power_on();
		puts("{}");
	} else
		refuse("there is no such op");
}

int main(void)
{
	static char line[MOST_LINE_BYTES];
	size_t length = 0;
	for (int c; (c = getchar()) != EOF;) {
		if (c != '\n' && length == sizeof line - 1)
			return 1; /* too long a line: nothing more can be understood */
		if (c != '\n') {
			line[length++] = c;
			continue;
		}
		line[length] = '\0';
		answer(strlen(line) == length ? line : "");
		fflush(stdout);
		length = 0;
	}
	return 0;
}
