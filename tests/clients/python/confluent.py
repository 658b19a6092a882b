"""confluent-kafka: a current librdkafka. See ../README.md for what the commands do."""
import json
import select
import sys

import confluent_kafka
from confluent_kafka import Consumer, Producer

say = lambda **event: print(json.dumps(event), flush=True)


def produce(bootstrap, topic, count, codec):
    partitions, failed = {}, []

    def delivered(error, message):
        if error:
            failed.append(str(error))
        else:
            partitions[message.key().decode()] = message.partition()

    producer = Producer({'bootstrap.servers': bootstrap, 'compression.type': codec, 'linger.ms': 5,
                         'partitioner': 'murmur2_random', 'enable.idempotence': True})
    for i in range(int(count)):
        while True:
            try:
                producer.produce(topic, f'{i}:'.ljust(100, 'x'), f'key-{i % 50}', on_delivery=delivered)
                break
            except BufferError:
                producer.poll(0.1)
        producer.poll(0)
    left = producer.flush(60)
    if left or failed:
        sys.exit(f'{left} not delivered, failed: {failed[:3]}')
    say(partitions=partitions)


def group(bootstrap, topic, name):
    consumer = Consumer({'bootstrap.servers': bootstrap, 'group.id': name, 'auto.offset.reset': 'earliest',
                         'session.timeout.ms': 10000, 'enable.auto.commit': True, 'auto.commit.interval.ms': 500})
    changed = lambda c, partitions: say(assigned=sorted(p.partition for p in partitions))
    consumer.subscribe([topic], on_assign=changed, on_revoke=lambda c, partitions: say(assigned=[]))
    while not select.select([sys.stdin], [], [], 0)[0]:
        message = consumer.poll(0.2)
        if message is not None and message.error() is None:
            say(record=[message.partition(), message.offset(), message.value().decode()])
    consumer.close()
    say(closed=True)


say(version=f'confluent-kafka {confluent_kafka.__version__}, librdkafka {confluent_kafka.libversion()[0]}')
{'produce': produce, 'group': group}[sys.argv[1]](*sys.argv[2:])
