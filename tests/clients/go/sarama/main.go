// sarama. See ../../README.md for what the commands do.
package main

import (
	"slices"
	"strings"
	"time"

	"github.com/IBM/sarama"
	"penstock/clients/program"
)

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
	config.Producer.Retry.Max = 100
	config.Net.MaxOpenRequests = 1
	producer, err := sarama.NewSyncProducer(strings.Split(bootstrap, ","), config)
	program.Fail(err)
	for from := 0; from < count; from += 500 {
		messages := []*sarama.ProducerMessage{}
		for i := from; i < min(count, from+500); i++ {
			key, value := program.Record(i)
			messages = append(messages, &sarama.ProducerMessage{Topic: topic, Key: sarama.StringEncoder(key),
				Value: sarama.StringEncoder(value)})
		}
		program.Fail(producer.SendMessages(messages))
	}
	program.Fail(producer.Close())
	// Its hash is FNV-1a, so its keys lie elsewhere than Java's: there is nothing to compare.
	program.Say(map[string]any{"partitions": nil})
}

type handler struct{ topic string }

func (h handler) Setup(session sarama.ConsumerGroupSession) error {
	all := slices.Clone(session.Claims()[h.topic])
	slices.Sort(all)
	if all == nil {
		all = []int32{}
	}
	program.Say(map[string]any{"assigned": all})
	return nil
}

func (h handler) Cleanup(sarama.ConsumerGroupSession) error {
	program.Say(map[string]any{"assigned": []int32{}})
	return nil
}

func (h handler) ConsumeClaim(session sarama.ConsumerGroupSession, claim sarama.ConsumerGroupClaim) error {
	for {
		select {
		case message, ok := <-claim.Messages():
			if !ok {
				return nil
			}
			program.Say(map[string]any{"record": []any{message.Partition, message.Offset, string(message.Value)}})
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
	consumer, err := sarama.NewConsumerGroup(strings.Split(bootstrap, ","), name, config)
	program.Fail(err)
	ctx := program.UntilInputEnds()
	for ctx.Err() == nil {
		if err := consumer.Consume(ctx, []string{topic}, handler{topic}); err != nil {
			time.Sleep(200 * time.Millisecond) // the broker is away
		}
	}
	program.Fail(consumer.Close())
	program.Say(map[string]any{"closed": true})
}

func main() { program.Run("github.com/IBM/sarama", produce, group) }
