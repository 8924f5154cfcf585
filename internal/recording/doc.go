// Package recording plays recorded HTTP exchanges to tests of public calls, strictly:
// every recorded request must be made, in order, and no other.
//
//	func TestGetService(t *testing.T) {
//		p := recording.Play(t, "get_service")
//		ws, err := workspace.Get(t.Context(), …, p.Credential(), &workspace.GetOptions{ClientOptions: p.ClientOptions()})
//		…
//	}
//
// # Adding a recording
//
// Write testdata/recordings/NAME.json beside the package under test:
//
//	{
//	  "source": "contract webservice §3.4",
//	  "title": "get an AKS service",
//	  "exchanges": [
//	    {
//	      "request": {
//	        "method": "GET",
//	        "url": "https://westeurope.modelmanagement.azureml.net/modelmanagement/v1.0/subscriptions/…/services/svc?expand=true",
//	        "headers": {"Authorization": "Bearer aud=https://management.azure.com"}
//	      },
//	      "response": {"status": 200, "headers": {"Content-Type": "application/json"}, "json": {"id": "svc"}}
//	    }
//	  ]
//	}
//
// source says where the facts come from: "golden NAME" (a recording of azureml-core
// 1.51.0), "contract AREA §N", "emulator" or "live".
//
// Of a request are compared: the method; the URL as sent, the query in any order, its
// values decoded but exact; the headers that the recording names; that an Authorization
// header is there exactly when the recording has one; and the body. A body is "json"
// (deep-equal, null and absent are different, numbers as spelt), "text" (also forms) or
// "bytes" with "length" and "sha256"; none means an empty body. [Player.Credential] hands
// out the token "aud=AUDIENCE", AUDIENCE being the scope without "/.default".
//
// A response has a "status" with "headers" and "json", "text" or "base64"; or a "fault":
// "reset", "closed", "timeout" or "refused". Each try of a retried request is an exchange.
// Neighbouring exchanges with the same "unordered" name may be made in any order.
//
// Parts that differ from run to run are masked in requests, in the URL, headers and
// bodies: <uuid>, <uuid8>, <timestamp>, <tmpname>, <jwt>, <any>. A mask with a name,
// <uuid:1>, must stand for the same value each time, and answers may use it.
//
// # Recording anew
//
// With AZUREML_RECORD=emulator or AZUREML_RECORD=live, tests that hand in such a source
// with [Emulator] or [Live] talk to it and write their file; the others play as usual.
// What differs between the recorded world and the played one goes through
// [Player.Setting]. Secrets and ids are masked; a file that still looks like holding a
// secret is not written. Read the new file before committing it.
package recording
