"""kafka-python. See ../README.md for what the commands do."""
import json
import select
import sys

import kafka
from kafka import ConsumerRebalanceListener, KafkaConsumer, KafkaProducer

say = lambda **event: print(json.dumps(event), flush=True)


def produce(bootstrap, topic, count, codec):
    producer = KafkaProducer(bootstrap_servers=bootstrap, acks='all', linger_ms=5, retries=100,
                             compression_type=None if codec == 'none' else codec)
    sent = [producer.send(topic, f'{i}:'.ljust(100, 'x').encode(), f'key-{i % 50}'.encode())
            for i in range(int(count))]
    producer.flush(60)
    partitions = {f'key-{i % 50}': future.get(60).partition for i, future in enumerate(sent)}
    say(partitions=partitions)
    producer.close()


class Listener(ConsumerRebalanceListener):
    def on_partitions_revoked(self, revoked):
        say(assigned=[])

    def on_partitions_assigned(self, assigned):
        say(assigned=sorted(p.partition for p in assigned))


def group(bootstrap, topic, name):
    consumer = KafkaConsumer(bootstrap_servers=bootstrap, group_id=name, auto_offset_reset='earliest',
                             session_timeout_ms=10000, heartbeat_interval_ms=500, auto_commit_interval_ms=500)
    consumer.subscribe([topic], listener=Listener())
    while not select.select([sys.stdin], [], [], 0)[0]:
        for records in consumer.poll(200).values():
            for record in records:
                say(record=[record.partition, record.offset, record.value.decode()])
    consumer.close()
    say(closed=True)


say(version=f'kafka-python {kafka.__version__}')
{'produce': produce, 'group': group}[sys.argv[1]](*sys.argv[2:])
