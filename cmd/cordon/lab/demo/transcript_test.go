package demo

import (
	"strings"
	"testing"
)

func TestAnExchangeIsARequestAndTheAnswerToIt(t *testing.T) {
	var shown strings.Builder
	log := &transcript{}
	log.followWith(func(text string) { shown.WriteString(text) })
	const user = "\tUser-Name = \"a@isp.example\"\n"
	packets := []string{
		"Received CoA-ACK Id 7 from 127.0.0.1:2 to 127.0.0.1:1 length 20\n", // answers one before
		"Sent CoA-Request Id 7 from 127.0.0.1:1 to 127.0.0.1:2 length 40\n" + user,
		"Sent CoA-Request Id 7 from 127.0.0.1:1 to 127.0.0.1:3 length 40\n\tUser-Name = \"b@isp.example\"\n",
		"Received CoA-NAK Id 7 from 127.0.0.1:3 to 127.0.0.1:1 length 20\n",
		"Received CoA-ACK Id 7 from 127.0.0.1:2 to 127.0.0.1:1 length 20\n",
		"Sent CoA-Request Id 8 from 127.0.0.1:1 to 127.0.0.1:2 length 40\n" + user,
	}
	for _, p := range packets {
		if _, err := log.Write([]byte(p)); err != nil {
			t.Fatal(err)
		}
	}
	got := log.exchanges("a@isp.example")
	if len(got) != 2 || got[0].request.text != packets[1] || got[0].answer.text != packets[4] || got[1].answer.text != "" {
		t.Errorf("want two exchanges, the first answered: %+v", got)
	}
	if n := log.requests("isp.example"); n != 0 {
		t.Errorf("%d requests about a part of a name", n)
	}
	if shown.String() != strings.Join(packets, "") {
		t.Errorf("followed: %s", shown.String())
	}
	if _, err := log.Write([]byte("nonsense")); err == nil {
		t.Error("nonsense was taken for a packet")
	}
}
