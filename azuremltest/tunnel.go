package azuremltest

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"
)

// tunnel answers CONNECT: the connection goes on as if the client had dialled
// the host itself, that is, into this server again.
func (s *Server) tunnel(w http.ResponseWriter, r *http.Request) {
	if s.hostKindOf(r.Host) == hostForeign {
		c := &call{srv: s, w: w, r: r}
		c.noRoute(nil)
		if s.opts.Log != nil { // clients hide the answer: who runs them wants to know the host
			s.opts.Log(Request{Time: time.Now(), Method: r.Method, Host: c.host(), URL: &url.URL{Host: r.Host}, Header: http.Header{}, Status: http.StatusBadGateway})
		}
		return
	}
	if r.ProtoMajor != 1 {
		http.Error(w, "azuremltest: CONNECT needs HTTP/1.1", http.StatusHTTPVersionNotSupported)
		return
	}
	conn, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		http.Error(w, "azuremltest: "+err.Error(), http.StatusInternalServerError)
		return
	}
	if _, err := io.WriteString(conn, "HTTP/1.1 200 Connection established\r\n\r\n"); err != nil {
		conn.Close()
		return
	}
	s.take(&tunnelledConn{Conn: conn, r: buffered.Reader})
}

// tunnelledConn is what follows a CONNECT on its connection. It begins with
// what the HTTP server had read ahead.
type tunnelledConn struct {
	net.Conn
	r *bufio.Reader
}

func (c *tunnelledConn) Read(b []byte) (int, error) { return c.r.Read(b) }
