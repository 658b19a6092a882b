// sarama. See ../../README.md for what the commands do.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/IBM/sarama"
)

var printing sync.Mutex

func say(event map[string]any) {
	line, _ := json.Marshal(event)
	printing.Lock()
	defer printing.Unlock()
	os.Stdout.Write(append(line, '\n'))
}

func fail(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func version(module string) string {
	info, _ := debug.ReadBuildInfo()
	for _, dep := range info.Deps {
		if dep.Path == module {
			return dep.Version
		}
	}
	return "unknown"
}

func settings() *sarama.Config {
	config := sarama.NewConfig()
	config.Version = sarama.V2_8_0_0
	config.Metadata.Retry.Max = 60
	return config
}

func produce(bootstrap, topic string, count int, codec string) {
	config := settings()
	codecs := map[string]sarama.CompressionCodec{"none": sarama.CompressionNone, "gzip": sarama.CompressionGZIP,
		"snappy": sarama.CompressionSnappy, "lz4": sarama.CompressionLZ4, "zstd": sarama.CompressionZSTD}
	config.Producer.Compression = codecs[codec]
	config.Producer.RequiredAcks = sarama.WaitForAll
	config.Producer.Return.Successes = true
	config.Producer.Idempotent = true
	config.Net.MaxOpenRequests = 1
	producer, err := sarama.NewSyncProducer([]string{bootstrap}, config)
	fail(err)
	for from := 0; from < count; from += 500 {
		messages := []*sarama.ProducerMessage{}
		for i := from; i < min(count, from+500); i++ {
			value := fmt.Sprintf("%d:", i)
			messages = append(messages, &sarama.ProducerMessage{Topic: topic,
				Key:   sarama.StringEncoder(fmt.Sprintf("key-%d", i%50)),
				Value: sarama.StringEncoder(value + strings.Repeat("x", max(0, 100-len(value))))})
		}
		fail(producer.SendMessages(messages))
	}
	fail(producer.Close())
	// Its hash is FNV-1a, so its keys lie elsewhere than Java's: there is nothing to compare.
	say(map[string]any{"partitions": nil})
}

type handler struct{ topic string }

func (h handler) Setup(session sarama.ConsumerGroupSession) error {
	all := slices.Clone(session.Claims()[h.topic])
	slices.Sort(all)
	if all == nil {
		all = []int32{}
	}
	say(map[string]any{"assigned": all})
	return nil
}

func (h handler) Cleanup(sarama.ConsumerGroupSession) error {
	say(map[string]any{"assigned": []int32{}})
	return nil
}

func (h handler) ConsumeClaim(session sarama.ConsumerGroupSession, claim sarama.ConsumerGroupClaim) error {
	for {
		select {
		case message, ok := <-claim.Messages():
			if !ok {
				return nil
			}
			say(map[string]any{"record": []any{message.Partition, message.Offset, string(message.Value)}})
			session.MarkMessage(message, "")
		case <-session.Context().Done():
			return nil
		}
	}
}

func group(bootstrap, topic, name string) {
	config := settings()
	config.Consumer.Offsets.Initial = sarama.OffsetOldest
	config.Consumer.Offsets.AutoCommit.Interval = 500 * time.Millisecond
	config.Consumer.Group.Session.Timeout = 10 * time.Second
	config.Consumer.Group.Heartbeat.Interval = 500 * time.Millisecond
	consumer, err := sarama.NewConsumerGroup([]string{bootstrap}, name, config)
	fail(err)
	ctx, stop := context.WithCancel(context.Background())
	go func() {
		io.Copy(io.Discard, os.Stdin)
		stop()
	}()
	for ctx.Err() == nil {
		if err := consumer.Consume(ctx, []string{topic}, handler{topic}); err != nil {
			time.Sleep(200 * time.Millisecond) // the broker is away
		}
	}
	fail(consumer.Close())
	say(map[string]any{"closed": true})
}

func main() {
	say(map[string]any{"version": "sarama " + version("github.com/IBM/sarama")})
	if os.Args[1] == "group" {
		group(os.Args[2], os.Args[3], os.Args[4])
		return
	}
	count, err := strconv.Atoi(os.Args[4])
	fail(err)
	produce(os.Args[2], os.Args[3], count, os.Args[5])
}
