// franz-go against a node: franz HOST:PORT SOURCE TARGET GROUP
// SOURCE has four partitions. Commits and aborts transactions to SOURCE, then copies what was committed to TARGET with three
// members of a cooperative group, each reading and writing in transactions, one of which leaves in between.
// Prints one line for each part; a test compares them and what is in the topics.
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

const transactions, perTransaction = 20, 50

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

// Every third transaction is aborted.
func write(ctx context.Context, seed, topic string) {
	client, err := kgo.NewClient(kgo.SeedBrokers(seed), kgo.TransactionalID(topic+"-writer"), kgo.DefaultProduceTopic(topic),
		kgo.ProducerBatchCompression(kgo.ZstdCompression()))
	check(err)
	defer client.Close()
	for t := 0; t < transactions; t++ {
		check(client.BeginTransaction())
		for i := 0; i < perTransaction; i++ {
			value := fmt.Sprint(t*perTransaction + i)
			client.Produce(ctx, &kgo.Record{Key: []byte(value), Value: []byte(value)}, func(_ *kgo.Record, err error) { check(err) })
		}
		check(client.Flush(ctx))
		check(client.EndTransaction(ctx, kgo.TransactionEndTry(t%3 != 2)))
	}
}

// Copies until `done`; gives the number of rebalances that took or gave partitions.
func copyRecords(ctx context.Context, seed, source, target, group string, member int, copied *atomic.Int64, done <-chan struct{}) {
	session, err := kgo.NewGroupTransactSession(kgo.SeedBrokers(seed), kgo.TransactionalID(fmt.Sprintf("%s-%d", group, member)),
		kgo.ConsumerGroup(group), kgo.ConsumeTopics(source), kgo.DefaultProduceTopic(target),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.Balancers(kgo.CooperativeStickyBalancer()), kgo.RequireStableFetchOffsets(),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.FetchMaxPartitionBytes(2000))
	check(err)
	defer session.Close()
	for {
		select {
		case <-done:
			return
		default:
		}
		poll, cancel := context.WithTimeout(ctx, 200*time.Millisecond)
		fetches := session.PollFetches(poll)
		cancel()
		fetches.EachError(func(_ string, _ int32, err error) {
			if !errors.Is(err, context.DeadlineExceeded) {
				check(err)
			}
		})
		if fetches.NumRecords() == 0 {
			continue
		}
		check(session.Begin())
		fetches.EachRecord(func(r *kgo.Record) {
			session.Produce(ctx, &kgo.Record{Key: r.Key, Value: r.Value}, func(_ *kgo.Record, err error) { check(err) })
		})
		committed, err := session.End(ctx, kgo.TryCommit)
		check(err)
		if committed {
			copied.Add(int64(fetches.NumRecords()))
		}
		time.Sleep(20 * time.Millisecond) // leaves something to the others
	}
}

func main() {
	log.SetFlags(0)
	seed, source, target, group := os.Args[1], os.Args[2], os.Args[3], os.Args[4]
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	write(ctx, seed, source)
	var expected int64
	for t := 0; t < transactions; t++ {
		if t%3 != 2 {
			expected += perTransaction
		}
	}
	fmt.Println("committed:", expected)

	var copied atomic.Int64
	var members sync.WaitGroup
	early, end := make(chan struct{}), make(chan struct{})
	for member := 0; member < 3; member++ {
		done := end
		if member == 0 {
			done = early
		}
		members.Add(1)
		go func() {
			defer members.Done()
			copyRecords(ctx, seed, source, target, group, member, &copied, done)
		}()
		time.Sleep(300 * time.Millisecond) // they join one by one
	}
	close(early)
	for copied.Load() < expected && ctx.Err() == nil {
		time.Sleep(20 * time.Millisecond)
	}
	close(end)
	members.Wait()
	fmt.Println("copied:", copied.Load())
}
