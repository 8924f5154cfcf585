package azuremltest

import "net/http"

// selfRoutes are what the emulator answers under its own address.
func (s *Server) selfRoutes() []route {
	return []route{
		{host: hostSelf, method: http.MethodGet, pattern: "/ca.pem", unlocked: true, handle: func(c *call) {
			c.w.Header().Set("Content-Type", "application/x-pem-file")
			c.w.Write(s.CACertificate())
		}},
		{host: hostSelf, pattern: "/", unlocked: true, handle: func(c *call) {
			if s.opts.Home != nil {
				s.opts.Home.ServeHTTP(c.w, c.r)
				return
			}
			c.text(http.StatusNotFound, "azuremltest: this is an emulator of Azure. Use this address as HTTP and HTTPS proxy, "+
				"with the certificate authority at "+s.URL+"/ca.pem, and ask for the real host names.")
		}},
	}
}
