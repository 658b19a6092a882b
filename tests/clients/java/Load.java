// An idempotent producer that sends the records of tests/system/rdkafka_load.c (with seed 1) to the partitions in turn,
// until it is told to end by SIGTERM; then it says what became of them.
//
//     Load BOOTSTRAP TOPIC PARTITIONS RECORD_BYTES RECORDS_PER_SECOND
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.Map;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.ByteArraySerializer;

public class Load {
    private static volatile boolean stopped;

    static byte[] record(long number, int bytes) {
        long seed = 1;
        ByteBuffer out = ByteBuffer.allocate((bytes + 7) / 8 * 8).order(ByteOrder.LITTLE_ENDIAN);
        out.putLong(number).putLong(seed);
        for (long x = (number + 1) * 0x9e3779b97f4a7c15L ^ seed; out.hasRemaining(); ) {
            x ^= x << 13;
            x ^= x >>> 7;
            x ^= x << 17;
            out.putLong(x);
        }
        return Arrays.copyOf(out.array(), bytes);
    }

    public static void main(String[] a) throws Exception {
        Thread sender = Thread.currentThread();
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            stopped = true;
            try {
                sender.join();
            } catch (InterruptedException ignored) {
                // the JVM ends
            }
        }));
        int partitions = Integer.parseInt(a[2]);
        int bytes = Integer.parseInt(a[3]);
        double rate = Double.parseDouble(a[4]);
        AtomicLong acked = new AtomicLong();
        AtomicLong failed = new AtomicLong();
        AtomicReference<Exception> error = new AtomicReference<>();
        long number = 0;
        try (KafkaProducer<byte[], byte[]> producer = new KafkaProducer<>(Map.of(
                "bootstrap.servers", a[0], "enable.idempotence", "true", "acks", "all", "linger.ms", "2",
                "retry.backoff.ms", "50", "reconnect.backoff.ms", "20", "reconnect.backoff.max.ms", "200",
                "delivery.timeout.ms", "300000", "max.block.ms", "300000"),
                new ByteArraySerializer(), new ByteArraySerializer())) {
            long started = System.nanoTime();
            for (; !stopped; ++number) {
                producer.send(new ProducerRecord<>(a[1], (int) (number % partitions), null, record(number, bytes)),
                    (metadata, e) -> {
                        (e == null ? acked : failed).incrementAndGet();
                        if (e != null) error.compareAndSet(null, e);
                    });
                while (!stopped && (System.nanoTime() - started) / 1e9 * rate < number) Thread.sleep(1);
            }
        }
        System.out.println("{\"produced\": " + number + ", \"acked\": " + acked + ", \"failed\": " + failed
            + ", \"error\": \"" + (error.get() == null ? "" : error.get().toString().replace('"', '\'')) + "\"}");
    }
}
