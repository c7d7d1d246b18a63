// The AWS SDK for Go 2 against a node: kinesis http://HOST:PORT STREAM
// Makes the stream, puts records, reads them by iterators, is pushed more by enhanced fan-out, splits a shard, asks for what is not
// there, and who it is. Prints one line for each part; a test compares them.
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"
)

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

type keys struct{}

func (keys) Retrieve(context.Context) (aws.Credentials, error) {
	return aws.Credentials{AccessKeyID: "any", SecretAccessKey: "thing"}, nil
}

func put(ctx context.Context, client *kinesis.Client, stream string, begin, count int) {
	var entries []types.PutRecordsRequestEntry
	for i := begin; i < begin+count; i++ {
		entries = append(entries, types.PutRecordsRequestEntry{Data: []byte(fmt.Sprint(i)), PartitionKey: aws.String(fmt.Sprint("key-", i))})
	}
	answer, err := client.PutRecords(ctx, &kinesis.PutRecordsInput{StreamName: &stream, Records: entries})
	check(err)
	if *answer.FailedRecordCount != 0 {
		log.Fatal("refused: ", *answer.FailedRecordCount)
	}
}

func readAll(ctx context.Context, client *kinesis.Client, stream string) int {
	shards, err := client.ListShards(ctx, &kinesis.ListShardsInput{StreamName: &stream})
	check(err)
	count := 0
	for _, shard := range shards.Shards {
		start, err := client.GetShardIterator(ctx, &kinesis.GetShardIteratorInput{StreamName: &stream, ShardId: shard.ShardId,
			ShardIteratorType: types.ShardIteratorTypeTrimHorizon})
		check(err)
		for place := start.ShardIterator; place != nil; {
			page, err := client.GetRecords(ctx, &kinesis.GetRecordsInput{ShardIterator: place})
			check(err)
			count += len(page.Records)
			if place = page.NextShardIterator; *page.MillisBehindLatest == 0 {
				break
			}
		}
	}
	return count
}

// Subscribes from the newest record on, tells so, and counts what comes, again and again: a subscription ends after five minutes,
// and this SDK may close the connection under an answer that comes before its own goroutine has seen the request's end
// (smithy-go 1.28.9: safeWriteToReadCloser.WriteTo gives io.EOF once the body is closed).
func follow(ctx context.Context, client *kinesis.Client, consumer *string, shard string, subscribed func(), found chan<- int) {
	start := types.StartingPosition{Type: types.ShardIteratorTypeLatest}
	begun := time.Now()
	for ctx.Err() == nil {
		subscription, err := client.SubscribeToShard(ctx, &kinesis.SubscribeToShardInput{ConsumerARN: consumer, ShardId: &shard, StartingPosition: &start})
		var busy *types.ResourceInUseException
		if errors.As(err, &busy) { // within five seconds of the one before
			time.Sleep(time.Second)
			continue
		}
		if ctx.Err() != nil {
			return
		}
		check(err)
		if start.Type == types.ShardIteratorTypeLatest {
			start = types.StartingPosition{Type: types.ShardIteratorTypeAtTimestamp, Timestamp: &begun}
			subscribed()
		}
		events := subscription.GetStream()
		for event := range events.Events() {
			if records, is := event.(*types.SubscribeToShardEventStreamMemberSubscribeToShardEvent); is {
				start = types.StartingPosition{Type: types.ShardIteratorTypeAfterSequenceNumber, SequenceNumber: records.Value.ContinuationSequenceNumber}
				for range records.Value.Records {
					found <- 1
				}
			}
		}
		if err := events.Close(); err != nil && ctx.Err() == nil {
			log.Print("subscribing to ", shard, " again: ", err)
		}
	}
}

func pushed(ctx context.Context, client *kinesis.Client, stream string, begin, count int) int {
	summary, err := client.DescribeStreamSummary(ctx, &kinesis.DescribeStreamSummaryInput{StreamName: &stream})
	check(err)
	arn := summary.StreamDescriptionSummary.StreamARN
	consumer, err := client.RegisterStreamConsumer(ctx, &kinesis.RegisterStreamConsumerInput{StreamARN: arn, ConsumerName: aws.String("go")})
	check(err)
	found := make(chan int, count)
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	var followed sync.WaitGroup
	for _, shard := range []string{"shardId-000000000000", "shardId-000000000001"} {
		followed.Add(1)
		go follow(ctx, client, consumer.Consumer.ConsumerARN, shard, followed.Done, found)
	}
	followed.Wait()
	put(ctx, client, stream, begin, count)
	total := 0
	for total < count {
		select {
		case <-found:
			total++
		case <-ctx.Done():
			return total
		}
	}
	return total
}

func main() {
	ctx := context.Background()
	stream := os.Args[2]
	client := kinesis.New(kinesis.Options{BaseEndpoint: &os.Args[1], Region: "eu-west-1", Credentials: keys{}})
	_, err := client.CreateStream(ctx, &kinesis.CreateStreamInput{StreamName: &stream, ShardCount: aws.Int32(2)})
	check(err)
	check(kinesis.NewStreamExistsWaiter(client).Wait(ctx, &kinesis.DescribeStreamInput{StreamName: &stream}, time.Minute))
	put(ctx, client, stream, 0, 500)
	fmt.Println("read:", readAll(ctx, client, stream))
	fmt.Println("pushed:", pushed(ctx, client, stream, 500, 300))
	_, err = client.SplitShard(ctx, &kinesis.SplitShardInput{StreamName: &stream, ShardToSplit: aws.String("shardId-000000000000"),
		NewStartingHashKey: aws.String("1000")})
	check(err)
	put(ctx, client, stream, 800, 100)
	fmt.Println("after the split:", readAll(ctx, client, stream))
	_, err = client.DescribeStream(ctx, &kinesis.DescribeStreamInput{StreamName: aws.String("nowhere")})
	var missing *types.ResourceNotFoundException
	fmt.Println("missing:", errors.As(err, &missing))
}
