// Runs the Go snippet of the receiver guide; see tests/receiving/verifiers.py.
package main

import (
	"encoding/json"
	"net/http"
	"os"
	"time"
)

type job struct {
	Scheme    string
	Tolerance *int
	Requests  []request
}

type request struct {
	Secret    string
	Headers   map[string]string
	HexHeader string `json:"hex_header"`
	Body      []byte
}

func (j job) verdict(r request) string {
	header := http.Header{}
	for name, value := range r.Headers {
		header.Set(name, value)
	}
	tolerance := 5 * time.Minute
	if j.Tolerance != nil {
		tolerance = time.Duration(*j.Tolerance) * time.Second
	}
	var accepted bool
	var err error
	if j.Scheme == "hex" {
		accepted, err = VerifyHex(r.Secret, header, r.Body, r.HexHeader)
	} else {
		accepted, err = Verify(r.Secret, header, r.Body, tolerance)
	}
	switch {
	case err != nil:
		return "error: " + err.Error()
	case accepted:
		return "accepted"
	}
	return "refused"
}

func main() {
	var j job
	if err := json.NewDecoder(os.Stdin).Decode(&j); err != nil {
		panic(err)
	}
	verdicts := []string{}
	for _, r := range j.Requests {
		verdicts = append(verdicts, j.verdict(r))
	}
	if err := json.NewEncoder(os.Stdout).Encode(verdicts); err != nil {
		panic(err)
	}
}
