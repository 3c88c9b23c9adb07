// Relay does by hand what `bus bench router` measures: orders in from bus.router, XML out to to.wms and JSON out to
// to.scm, in messages as the bus writes them. It finds the broker in BUS_BROKER and runs until SIGTERM.
//
// Publishing is pipelined: each worker sends on while confirms are under way, and acknowledges an order, and those
// before it, when both its messages are confirmed.
package main

import (
	"flag"
	"log"
	"os"
	"os/signal"
	"syscall"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

const (
	input     = "bus.router"
	exchange  = "bus.deliver"
	prefetch  = 1000
	ackEvery  = 100
	stopAfter = 5 * time.Second
)

// pending is one order whose messages are on their way.
type pending struct {
	tag      uint64
	confirms []*amqp.DeferredConfirmation
}

type worker struct {
	in, out *amqp.Channel
	orders  <-chan amqp.Delivery
	flight  chan pending
	user    string
	bare    bool
}

func main() {
	bare := flag.Bool("bare", false, "write the documents and nothing around them")
	workers := flag.Int("workers", 2, "how many take orders side by side")
	flag.Parse()
	url := os.Getenv("BUS_BROKER")
	uri, err := amqp.ParseURI(url)
	fatal(err)
	consuming, err := amqp.Dial(url)
	fatal(err)
	publishing, err := amqp.Dial(url)
	fatal(err)

	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM, syscall.SIGINT)
	done := make(chan struct{})
	started := make([]*worker, *workers)
	for n := range started {
		started[n] = start(consuming, publishing, uri.Username, *bare)
		go started[n].relay()
		go started[n].acknowledge(done)
	}
	<-stop
	for _, w := range started {
		fatal(w.in.Cancel("", false))
		close(w.flight)
	}
	deadline := time.After(stopAfter)
	for range started {
		select {
		case <-done:
		case <-deadline: // what is not acknowledged comes again
		}
	}
	_ = consuming.Close()
	_ = publishing.Close()
}

func start(consuming, publishing *amqp.Connection, user string, bare bool) *worker {
	in, err := consuming.Channel()
	fatal(err)
	fatal(in.Qos(prefetch, 0, false))
	out, err := publishing.Channel()
	fatal(err)
	fatal(out.Confirm(false))
	orders, err := in.Consume(input, "", false, false, false, false, nil)
	fatal(err)
	returns := out.NotifyReturn(make(chan amqp.Return, 1))
	go func() {
		for returned := range returns { // unroutable: its order must not be acknowledged
			log.Fatalf("%s was returned: %s", returned.RoutingKey, returned.ReplyText)
		}
	}()
	return &worker{in, out, orders, make(chan pending, prefetch), user, bare}
}

// relay turns orders into messages, in the order they come.
func (w *worker) relay() {
	defer func() { _ = recover() }() // stopped while it was about to hand one over: that order comes again
	for order := range w.orders {
		messages, err := deliveries(order, w.user, w.bare)
		if err != nil {
			log.Printf("%s is refused: %v", order.MessageId, err)
			fatal(order.Reject(false))
			continue
		}
		one := pending{tag: order.DeliveryTag}
		for _, message := range messages {
			confirm, err := w.out.PublishWithDeferredConfirm(exchange, message.queue, true, false, message.Publishing)
			fatal(err)
			one.confirms = append(one.confirms, confirm)
		}
		w.flight <- one
	}
}

// acknowledge waits for confirms in the same order, so that one acknowledgement stands for all before it.
func (w *worker) acknowledge(done chan<- struct{}) {
	behind := 0
	for one := range w.flight {
		for _, confirm := range one.confirms {
			if !confirm.Wait() {
				log.Fatal("the broker did not store a message")
			}
		}
		if behind++; behind >= ackEvery || len(w.flight) == 0 {
			fatal(w.in.Ack(one.tag, true))
			behind = 0
		}
	}
	done <- struct{}{}
}

func fatal(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
