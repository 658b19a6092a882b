// franz-go. See ../../README.md for what the commands do.
package main

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"penstock/clients/program"
)

func produce(bootstrap, topic string, count int, codec string) {
	codecs := map[string]kgo.CompressionCodec{"none": kgo.NoCompression(), "gzip": kgo.GzipCompression(),
		"snappy": kgo.SnappyCompression(), "lz4": kgo.Lz4Compression(), "zstd": kgo.ZstdCompression()}
	client, err := kgo.NewClient(kgo.SeedBrokers(strings.Split(bootstrap, ",")...), kgo.ProducerBatchCompression(codecs[codec]),
		kgo.DefaultProduceTopic(topic))
	program.Fail(err)
	partitions := map[string]int32{}
	records := make([]*kgo.Record, count)
	for i := range records {
		key, value := program.Record(i)
		records[i] = &kgo.Record{Key: []byte(key), Value: []byte(value)}
	}
	for _, result := range client.ProduceSync(context.Background(), records...) {
		program.Fail(result.Err)
		partitions[string(result.Record.Key)] = result.Record.Partition
	}
	client.Close()
	program.Say(map[string]any{"partitions": partitions})
}

func group(bootstrap, topic, name string) {
	assigned := map[int32]bool{}
	show := func() {
		all := []int32{}
		for p := range assigned {
			all = append(all, p)
		}
		slices.Sort(all)
		program.Say(map[string]any{"assigned": all})
	}
	gone := func(_ context.Context, _ *kgo.Client, lost map[string][]int32) {
		for _, p := range lost[topic] {
			delete(assigned, p)
		}
		show()
	}
	client, err := kgo.NewClient(kgo.SeedBrokers(strings.Split(bootstrap, ",")...), kgo.ConsumerGroup(name), kgo.ConsumeTopics(topic),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.SessionTimeout(10*time.Second),
		kgo.HeartbeatInterval(500*time.Millisecond), kgo.AutoCommitInterval(500*time.Millisecond),
		kgo.OnPartitionsAssigned(func(_ context.Context, _ *kgo.Client, added map[string][]int32) {
			for _, p := range added[topic] {
				assigned[p] = true
			}
			show()
		}), kgo.OnPartitionsRevoked(gone), kgo.OnPartitionsLost(gone), kgo.BlockRebalanceOnPoll())
	program.Fail(err)
	ctx := program.UntilInputEnds()
	for ctx.Err() == nil {
		client.PollFetches(ctx).EachRecord(func(r *kgo.Record) {
			program.Say(map[string]any{"record": []any{r.Partition, r.Offset, string(r.Value)}})
		})
		client.AllowRebalance()
	}
	program.Fail(client.CommitUncommittedOffsets(context.Background()))
	client.CloseAllowingRebalance()
	program.Say(map[string]any{"closed": true})
}

func main() { program.Run("github.com/twmb/franz-go", produce, group) }
