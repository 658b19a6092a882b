// franz-go. See ../../README.md for what the commands do.
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
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

func say(event map[string]any) {
	line, _ := json.Marshal(event)
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

func produce(bootstrap, topic string, count int, codec string) {
	codecs := map[string]kgo.CompressionCodec{"none": kgo.NoCompression(), "gzip": kgo.GzipCompression(),
		"snappy": kgo.SnappyCompression(), "lz4": kgo.Lz4Compression(), "zstd": kgo.ZstdCompression()}
	client, err := kgo.NewClient(kgo.SeedBrokers(bootstrap), kgo.ProducerBatchCompression(codecs[codec]),
		kgo.DefaultProduceTopic(topic))
	fail(err)
	partitions := map[string]int32{}
	records := make([]*kgo.Record, count)
	for i := range records {
		value := fmt.Sprintf("%d:", i)
		records[i] = &kgo.Record{Key: []byte(fmt.Sprintf("key-%d", i%50)),
			Value: []byte(value + strings.Repeat("x", max(0, 100-len(value))))}
	}
	for _, result := range client.ProduceSync(context.Background(), records...) {
		fail(result.Err)
		partitions[string(result.Record.Key)] = result.Record.Partition
	}
	client.Close()
	say(map[string]any{"partitions": partitions})
}

func group(bootstrap, topic, name string) {
	assigned := map[int32]bool{}
	show := func() {
		all := []int32{}
		for p := range assigned {
			all = append(all, p)
		}
		slices.Sort(all)
		say(map[string]any{"assigned": all})
	}
	gone := func(_ context.Context, _ *kgo.Client, lost map[string][]int32) {
		for _, p := range lost[topic] {
			delete(assigned, p)
		}
		show()
	}
	client, err := kgo.NewClient(kgo.SeedBrokers(bootstrap), kgo.ConsumerGroup(name), kgo.ConsumeTopics(topic),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.SessionTimeout(10*time.Second),
		kgo.HeartbeatInterval(500*time.Millisecond), kgo.AutoCommitInterval(500*time.Millisecond),
		kgo.OnPartitionsAssigned(func(_ context.Context, _ *kgo.Client, added map[string][]int32) {
			for _, p := range added[topic] {
				assigned[p] = true
			}
			show()
		}), kgo.OnPartitionsRevoked(gone), kgo.OnPartitionsLost(gone), kgo.BlockRebalanceOnPoll())
	fail(err)
	ctx, stop := context.WithCancel(context.Background())
	go func() {
		io.Copy(io.Discard, os.Stdin)
		stop()
	}()
	for ctx.Err() == nil {
		client.PollFetches(ctx).EachRecord(func(r *kgo.Record) {
			say(map[string]any{"record": []any{r.Partition, r.Offset, string(r.Value)}})
		})
		client.AllowRebalance()
	}
	fail(client.CommitUncommittedOffsets(context.Background()))
	client.CloseAllowingRebalance()
	say(map[string]any{"closed": true})
}

func main() {
	say(map[string]any{"version": "franz-go " + version("github.com/twmb/franz-go")})
	if os.Args[1] == "group" {
		group(os.Args[2], os.Args[3], os.Args[4])
		return
	}
	count, err := strconv.Atoi(os.Args[4])
	fail(err)
	produce(os.Args[2], os.Args[3], count, os.Args[5])
}
