package azuremltest

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"sync"
	"time"
)

// tlsRecord is the first byte of a TLS connection: a handshake record.
const tlsRecord = 0x16

// listen opens the listener.
func (s *Server) listen() error {
	if s.opts.InMemory {
		l := newConnQueue()
		s.listener = l
		s.dialSelf = l.dial
		return nil
	}
	addr := s.opts.Addr
	if addr == "" {
		addr = "127.0.0.1:0"
	}
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	s.listener = l
	s.URL = "http://" + l.Addr().String()
	s.selfHost = hostname(l.Addr().String())
	s.dialSelf = func(ctx context.Context) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "tcp", l.Addr().String())
	}
	return nil
}

// serve starts the two goroutines that take connections in and answer them.
func (s *Server) serve() {
	server := &http.Server{
		Handler:           http.HandlerFunc(s.serveHTTP),
		ReadHeaderTimeout: time.Minute,
		ErrorLog:          log.New(io.Discard, "", 0), // clients that hang up are no news
		ConnContext:       withConn,
		ConnState:         s.connState,
	}
	server.Protocols = new(http.Protocols)
	server.Protocols.SetHTTP1(true)
	server.Protocols.SetHTTP2(s.opts.HTTP2)
	s.running.Go(func() { server.Serve(s.incoming) })
	s.running.Go(func() {
		for {
			c, err := s.listener.Accept()
			if err != nil {
				return
			}
			s.take(c)
		}
	})
}

// connState counts the goroutines of the HTTP server, so that Close can wait
// for them.
func (s *Server) connState(_ net.Conn, state http.ConnState) {
	switch state {
	case http.StateNew:
		s.running.Add(1)
	case http.StateClosed, http.StateHijacked:
		s.running.Done()
	}
}

// take looks at the first byte of a new connection and hands it to the HTTP
// server, with TLS around it if that is what the client speaks.
func (s *Server) take(raw net.Conn) {
	if !s.conns.add(raw) {
		raw.Close()
		return
	}
	go func() {
		defer s.conns.done()
		c := &sniffedConn{Conn: raw, r: bufio.NewReader(raw), gone: s.conns.remove}
		first, err := c.r.Peek(1)
		if err != nil {
			c.Close()
			return
		}
		if first[0] == tlsRecord {
			s.incoming.put(tls.Server(c, s.tlsConfig()))
			return
		}
		s.incoming.put(c)
	}()
}

// tlsConfig presents a certificate of the emulator's own authority for
// whatever name the client asks for.
func (s *Server) tlsConfig() *tls.Config {
	config := &tls.Config{GetCertificate: s.certificate, NextProtos: []string{"http/1.1"}}
	if s.opts.HTTP2 {
		config.NextProtos = []string{"h2", "http/1.1"}
	}
	return config
}

// sniffedConn is a connection of which the beginning has been looked at.
type sniffedConn struct {
	net.Conn
	r    *bufio.Reader
	gone func(net.Conn)
}

func (c *sniffedConn) Read(b []byte) (int, error) { return c.r.Read(b) }

func (c *sniffedConn) Close() error {
	c.gone(c.Conn)
	return c.Conn.Close()
}

// connKey finds the connection of a request in its context.
type connKey struct{}

func withConn(ctx context.Context, c net.Conn) context.Context {
	return context.WithValue(ctx, connKey{}, c)
}

// resetConn breaks the connection of a request without a goodbye: where it is
// a TCP connection the client sees "connection reset by peer".
func resetConn(r *http.Request) {
	c, _ := r.Context().Value(connKey{}).(net.Conn)
	for c != nil {
		switch inner := c.(type) {
		case *tls.Conn:
			c = inner.NetConn()
		case *sniffedConn:
			c = inner.Conn
		case *tunnelledConn:
			c = inner.Conn
		case *net.TCPConn:
			inner.SetLinger(0)
			inner.Close()
			return
		default:
			c.Close()
			return
		}
	}
}

// errServerClosed ends Accept and dial after Close.
var errServerClosed = errors.New("azuremltest: the server is closed")

// connQueue is a listener whose connections are put into it.
type connQueue struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func newConnQueue() *connQueue {
	return &connQueue{conns: make(chan net.Conn), closed: make(chan struct{})}
}

func (q *connQueue) put(c net.Conn) {
	select {
	case q.conns <- c:
	case <-q.closed:
		c.Close()
	}
}

// dial makes a pair of connected ends, puts one into the queue and returns the
// other.
func (q *connQueue) dial(ctx context.Context) (net.Conn, error) {
	near, far := net.Pipe()
	select {
	case q.conns <- far:
		return near, nil
	case <-q.closed:
		return nil, errServerClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (q *connQueue) Accept() (net.Conn, error) {
	select {
	case c := <-q.conns:
		return c, nil
	case <-q.closed:
		return nil, errServerClosed
	}
}

func (q *connQueue) Close() error {
	q.once.Do(func() { close(q.closed) })
	return nil
}

func (q *connQueue) Addr() net.Addr { return memoryAddr{} }

// memoryAddr is the address of a listener that has none.
type memoryAddr struct{}

func (memoryAddr) Network() string { return "pipe" }
func (memoryAddr) String() string  { return "pipe" }

// connSet holds the connections that are open, and counts the goroutines that
// look at their first bytes.
type connSet struct {
	mu     sync.Mutex
	open   map[net.Conn]struct{}
	closed bool
	wg     sync.WaitGroup
}

// add returns false when the set has been closed; otherwise a call of done
// must follow.
func (s *connSet) add(c net.Conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	if s.open == nil {
		s.open = map[net.Conn]struct{}{}
	}
	s.open[c] = struct{}{}
	s.wg.Add(1)
	return true
}

func (s *connSet) done() { s.wg.Done() }

func (s *connSet) remove(c net.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.open, c)
}

// closeAll breaks all connections, present and future, and waits for the
// goroutines that were counted.
func (s *connSet) closeAll() {
	s.mu.Lock()
	s.closed = true
	open := s.open
	s.open = nil
	s.mu.Unlock()
	for c := range open {
		c.Close()
	}
	s.wg.Wait()
}
