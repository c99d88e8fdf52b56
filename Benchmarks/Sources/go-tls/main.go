// Go's crypto/tls with a goroutine for each connection.
//
//	go-tls echo|sink|source CERTIFICATE KEY
//
// echo sends back what it receives. sink receives a number of 8 bytes and then as many bytes, and sends the number
// back. source receives a number and sends as many bytes.
package main

import (
	"crypto/tls"
	"encoding/binary"
	"fmt"
	"io"
	"log"
	"net"
	"os"
)

const blockSize = 64 << 10

func echo(connection net.Conn) {
	buffer := make([]byte, blockSize)
	for {
		count, err := connection.Read(buffer)
		if count > 0 {
			if _, err := connection.Write(buffer[:count]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

func sink(connection net.Conn) {
	buffer := make([]byte, blockSize)
	var request [8]byte
	for {
		if _, err := io.ReadFull(connection, request[:]); err != nil {
			return
		}
		for left := binary.LittleEndian.Uint64(request[:]); left > 0; {
			count, err := connection.Read(buffer)
			if err != nil {
				return
			}
			left -= uint64(count)
		}
		if _, err := connection.Write(request[:]); err != nil {
			return
		}
	}
}

func source(connection net.Conn) {
	block := make([]byte, blockSize)
	for i := range block {
		block[i] = byte(i)
	}
	var request [8]byte
	for {
		if _, err := io.ReadFull(connection, request[:]); err != nil {
			return
		}
		for left := binary.LittleEndian.Uint64(request[:]); left > 0; {
			count := uint64(blockSize)
			if left < count {
				count = left
			}
			if _, err := connection.Write(block[:count]); err != nil {
				return
			}
			left -= count
		}
	}
}

func main() {
	ways := map[string]func(net.Conn){"echo": echo, "sink": sink, "source": source}
	if len(os.Args) != 4 || ways[os.Args[1]] == nil {
		log.Fatal("usage: go-tls echo|sink|source CERTIFICATE KEY")
	}
	identity, err := tls.LoadX509KeyPair(os.Args[2], os.Args[3])
	if err != nil {
		log.Fatal(err)
	}
	configuration := &tls.Config{Certificates: []tls.Certificate{identity}, MinVersion: tls.VersionTLS12}
	listener, err := tls.Listen("tcp", "127.0.0.1:0", configuration)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(listener.Addr().(*net.TCPAddr).Port)
	for {
		connection, err := listener.Accept()
		if err != nil {
			log.Fatal(err)
		}
		go func() {
			defer connection.Close()
			ways[os.Args[1]](connection)
		}()
	}
}
