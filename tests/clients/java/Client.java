// Java's own client. See ../README.md for what the commands do.
import java.io.IOException;
import java.time.Duration;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Collectors;
import org.apache.kafka.clients.consumer.ConsumerRebalanceListener;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.utils.AppInfoParser;

public class Client {
    static void say(String json) {
        System.out.println(json);
        System.out.flush();
    }

    static Properties common(String bootstrap) {
        Properties p = new Properties();
        p.put("bootstrap.servers", bootstrap);
        for (String side : List.of("key", "value")) {
            p.put(side + ".serializer", "org.apache.kafka.common.serialization.StringSerializer");
            p.put(side + ".deserializer", "org.apache.kafka.common.serialization.StringDeserializer");
        }
        return p;
    }

    static void produce(String bootstrap, String topic, int count, String codec) throws Exception {
        Properties p = common(bootstrap);
        p.put("compression.type", codec);
        p.put("linger.ms", "5");
        Map<String, Integer> partitions = new ConcurrentHashMap<>();
        Exception[] failure = {null};
        try (KafkaProducer<String, String> producer = new KafkaProducer<>(p)) {
            for (int i = 0; i < count; ++i) {
                String key = "key-" + i % 50;
                String value = i + ":";
                value += "x".repeat(Math.max(0, 100 - value.length()));
                producer.send(new ProducerRecord<>(topic, key, value), (metadata, error) -> {
                    if (error != null) failure[0] = error;
                    else partitions.put(key, metadata.partition());
                });
            }
        }
        if (failure[0] != null) throw failure[0];
        say("{\"partitions\": {" + new TreeMap<>(partitions).entrySet().stream()
            .map(e -> "\"" + e.getKey() + "\": " + e.getValue()).collect(Collectors.joining(", ")) + "}}");
    }

    static void group(String bootstrap, String topic, String name) throws IOException {
        Properties p = common(bootstrap);
        p.put("group.id", name);
        p.put("auto.offset.reset", "earliest");
        p.put("session.timeout.ms", "10000");
        p.put("heartbeat.interval.ms", "500");
        p.put("auto.commit.interval.ms", "500");
        try (KafkaConsumer<String, String> consumer = new KafkaConsumer<>(p)) {
            consumer.subscribe(List.of(topic), new ConsumerRebalanceListener() {
                void show() {
                    say("{\"assigned\": " + consumer.assignment().stream().map(TopicPartition::partition).sorted()
                        .collect(Collectors.toList()) + "}");
                }
                public void onPartitionsRevoked(Collection<TopicPartition> gone) { }
                public void onPartitionsAssigned(Collection<TopicPartition> added) { show(); }
            });
            while (!inputEnded) {
                for (ConsumerRecord<String, String> r : consumer.poll(Duration.ofMillis(200)))
                    say("{\"record\": [" + r.partition() + ", " + r.offset() + ", \"" + r.value() + "\"]}");
            }
        }
        say("{\"closed\": true}");
    }

    private static volatile boolean inputEnded;

    public static void main(String[] a) throws Exception {
        say("{\"version\": \"Java client " + AppInfoParser.getVersion() + "\"}");
        if (a[0].equals("produce")) {
            produce(a[1], a[2], Integer.parseInt(a[3]), a[4]);
            return;
        }
        Thread input = new Thread(() -> {
            try {
                while (System.in.read() >= 0) { }
            } catch (IOException ignored) {
                // closed: the same
            }
            inputEnded = true;
        });
        input.setDaemon(true);
        input.start();
        group(a[1], a[2], a[3]);
    }
}
