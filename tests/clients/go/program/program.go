// Package program is what the clients have in common: events out, the order to stop in. See ../../README.md.
package program

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
)

var printing sync.Mutex

// Say prints an event as a line of JSON.
func Say(event map[string]any) {
	line, _ := json.Marshal(event)
	printing.Lock()
	defer printing.Unlock()
	os.Stdout.Write(append(line, '\n'))
}

// Fail ends the program if there is an error.
func Fail(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// Record is key and value of record i.
func Record(i int) (string, string) {
	value := fmt.Sprintf("%d:", i)
	return fmt.Sprintf("key-%d", i%50), value + strings.Repeat("x", max(0, 100-len(value)))
}

// UntilInputEnds is done when whoever started the program closes its input.
func UntilInputEnds() context.Context {
	ctx, stop := context.WithCancel(context.Background())
	go func() {
		io.Copy(io.Discard, os.Stdin)
		stop()
	}()
	return ctx
}

// Run says the version of the client's module and does what the command line asks for.
func Run(module string, produce func(bootstrap, topic string, count int, codec string),
	group func(bootstrap, topic, name string)) {
	version := "unknown"
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, dep := range info.Deps {
			if dep.Path == module {
				version = dep.Version
			}
		}
	}
	Say(map[string]any{"version": module + " " + version})
	if os.Args[1] == "group" {
		group(os.Args[2], os.Args[3], os.Args[4])
		return
	}
	count, err := strconv.Atoi(os.Args[4])
	Fail(err)
	produce(os.Args[2], os.Args[3], count, os.Args[5])
}
