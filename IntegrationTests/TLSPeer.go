// A peer with Go's crypto/tls, for IntegrationTests/tls-peers.
//
//	TLSPeer serve CERTIFICATE KEY     echoes each client to its end, and prints the port first
//	TLSPeer connect PORT CERTIFICATE  sends standard input, half-closes, and prints what it receives
package main

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"os"
)

func echo(client *tls.Conn) {
	defer client.Close()
	if _, err := io.Copy(client, client); err != nil {
		log.Print(err)
		return
	}
	if err := client.CloseWrite(); err != nil {
		log.Print(err)
	}
}

func serve(certificateFile, keyFile string) error {
	certificate, err := tls.LoadX509KeyPair(certificateFile, keyFile)
	if err != nil {
		return err
	}
	listener, err := tls.Listen(
		"tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{certificate}})
	if err != nil {
		return err
	}
	fmt.Println(listener.Addr().(*net.TCPAddr).Port)
	for {
		client, err := listener.Accept()
		if err != nil {
			return err
		}
		go echo(client.(*tls.Conn))
	}
}

func connect(port, certificateFile string) error {
	certificates, err := os.ReadFile(certificateFile)
	if err != nil {
		return err
	}
	trust := x509.NewCertPool()
	if !trust.AppendCertsFromPEM(certificates) {
		return errors.New("no certificate in " + certificateFile)
	}
	server, err := tls.Dial(
		"tcp", "127.0.0.1:"+port, &tls.Config{RootCAs: trust, ServerName: "localhost"})
	if err != nil {
		return err
	}
	defer server.Close()
	sent := make(chan error, 1)
	go func() {
		_, err := io.Copy(server, os.Stdin)
		if err == nil {
			err = server.CloseWrite()
		}
		sent <- err
	}()
	if _, err := io.Copy(os.Stdout, server); err != nil {
		return err
	}
	return <-sent
}

func main() {
	var err error
	switch arguments := os.Args[1:]; {
	case len(arguments) == 3 && arguments[0] == "serve":
		err = serve(arguments[1], arguments[2])
	case len(arguments) == 3 && arguments[0] == "connect":
		err = connect(arguments[1], arguments[2])
	default:
		err = errors.New("expected serve CERTIFICATE KEY, or connect PORT CERTIFICATE")
	}
	if err != nil {
		log.Fatal(err)
	}
}
