// Sarama against a node: sarama HOST:PORT SOURCE TARGET GROUP
// Makes both topics, writes idempotently with each codec, copies the records to TARGET with two members of a group whose
// transactions hold the offsets, one of them aborted, and looks at group and settings as an admin.
// Prints one line for each part; a test compares them and what is in the topics.
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/IBM/sarama"
)

const partitions, perCodec = 4, 100

var codecs = []sarama.CompressionCodec{sarama.CompressionNone, sarama.CompressionGZIP, sarama.CompressionSnappy,
	sarama.CompressionLZ4, sarama.CompressionZSTD}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func config() *sarama.Config {
	c := sarama.NewConfig()
	c.Version = sarama.MaxVersion
	c.Producer.Return.Successes = true
	c.Producer.RequiredAcks = sarama.WaitForAll
	c.Producer.Idempotent = true
	c.Net.MaxOpenRequests = 1
	c.Consumer.Offsets.Initial = sarama.OffsetOldest
	c.Consumer.Offsets.AutoCommit.Enable = false
	c.Consumer.IsolationLevel = sarama.ReadCommitted
	c.Consumer.Group.Rebalance.GroupStrategies = []sarama.BalanceStrategy{sarama.NewBalanceStrategySticky()}
	return c
}

func write(seed, topic string) {
	for i, codec := range codecs {
		c := config()
		c.Producer.Compression = codec
		producer, err := sarama.NewSyncProducer([]string{seed}, c)
		check(err)
		var messages []*sarama.ProducerMessage
		for n := i * perCodec; n < (i+1)*perCodec; n++ {
			value := fmt.Sprint(n)
			messages = append(messages, &sarama.ProducerMessage{Topic: topic, Key: sarama.StringEncoder(value), Value: sarama.StringEncoder(value)})
		}
		check(producer.SendMessages(messages))
		check(producer.Close())
	}
}

// One member; each batch of records goes on in a transaction with its offset.
type copier struct {
	producer sarama.SyncProducer
	target   string
	group    string
	copied   *atomic.Int64
	aborted  bool
}

func (c *copier) Setup(sarama.ConsumerGroupSession) error   { return nil }
func (c *copier) Cleanup(sarama.ConsumerGroupSession) error { return nil }
func (c *copier) ConsumeClaim(session sarama.ConsumerGroupSession, claim sarama.ConsumerGroupClaim) error {
	for {
		select {
		case message := <-claim.Messages():
			if message == nil {
				return nil
			}
			check(c.move(message))
			session.MarkMessage(message, "")
			c.copied.Add(1)
		case <-session.Context().Done():
			return nil
		}
	}
}

var moving sync.Mutex // Sarama's transactional producer is not for several goroutines

func (c *copier) move(message *sarama.ConsumerMessage) error {
	moving.Lock()
	defer moving.Unlock()
	for {
		if err := c.producer.BeginTxn(); err != nil {
			return err
		}
		if _, _, err := c.producer.SendMessage(&sarama.ProducerMessage{Topic: c.target, Value: sarama.ByteEncoder(message.Value)}); err != nil {
			return err
		}
		if !c.aborted {
			c.aborted = true
			if err := c.producer.AbortTxn(); err != nil {
				return err
			}
			continue
		}
		if err := c.producer.AddMessageToTxn(message, c.group, nil); err != nil {
			return err
		}
		return c.producer.CommitTxn()
	}
}

func member(ctx context.Context, seed, source, target, group string, number int, copied *atomic.Int64) {
	c := config()
	c.Producer.Transaction.ID = fmt.Sprintf("%s-%d", group, number)
	producer, err := sarama.NewSyncProducer([]string{seed}, c)
	check(err)
	defer producer.Close()
	consumer, err := sarama.NewConsumerGroup([]string{seed}, group, config())
	check(err)
	defer consumer.Close()
	for ctx.Err() == nil {
		check(consumer.Consume(ctx, []string{source}, &copier{producer: producer, target: target, group: group, copied: copied}))
	}
}

// The group when it has both members.
func settled(admin sarama.ClusterAdmin, group string) string {
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		described, err := admin.DescribeConsumerGroups([]string{group})
		check(err)
		text := fmt.Sprint(described[0].State, " ", described[0].Protocol, " ", len(described[0].Members))
		if text == "Stable sticky 2" || time.Now().After(end) {
			return text
		}
	}
}

func main() {
	log.SetFlags(0)
	seed, source, target, group := os.Args[1], os.Args[2], os.Args[3], os.Args[4]
	admin, err := sarama.NewClusterAdmin([]string{seed}, config())
	check(err)
	hour := "3600000"
	check(admin.CreateTopic(source, &sarama.TopicDetail{NumPartitions: partitions, ReplicationFactor: 1,
		ConfigEntries: map[string]*string{"retention.ms": &hour}}, false))
	check(admin.CreateTopic(target, &sarama.TopicDetail{NumPartitions: 1, ReplicationFactor: 1}, false))
	ctx, stop := context.WithCancel(context.Background())
	var copied atomic.Int64
	var members sync.WaitGroup
	for number := 0; number < 2; number++ {
		members.Add(1)
		go func() {
			defer members.Done()
			member(ctx, seed, source, target, group, number, &copied)
		}()
	}
	fmt.Println("group:", settled(admin, group))
	write(seed, source)
	fmt.Println("written:", len(codecs)*perCodec)
	for end := time.Now().Add(60 * time.Second); copied.Load() < int64(len(codecs)*perCodec) && time.Now().Before(end); {
		time.Sleep(20 * time.Millisecond)
	}
	stop()
	members.Wait()
	fmt.Println("copied:", copied.Load())

	offsets, err := admin.ListConsumerGroupOffsets(group, nil)
	check(err)
	var sum int64
	for partition := int32(0); partition < partitions; partition++ {
		sum += offsets.GetBlock(source, partition).Offset
	}
	fmt.Println("offsets:", sum)
	entries, err := admin.DescribeConfig(sarama.ConfigResource{Type: sarama.TopicResource, Name: source, ConfigNames: []string{"retention.ms"}})
	check(err)
	fmt.Println("retention:", entries[0].Value)
	check(admin.DeleteConsumerGroup(group))
	check(admin.Close())
}
