package bngsim

import (
	"testing"

	"layeh.com/radius"

	"cordon/radiusx"
)

// FuzzAnAuthenticRequest gives every platform, under every quirk, requests that are
// rightly signed and hold anything: nothing may panic, and what is answered must
// be a packet that its client takes for the answer.
func FuzzAnAuthenticRequest(f *testing.F) {
	for i, text := range []string{
		"User-Name=alice@isp, Filter-Id=GARDEN",
		`User-Name=alice@isp, Cisco-AVPair="subscriber:command=activate-service", Cisco-AVPair="subscriber:service-name=X"`,
		`User-Name=alice@isp, Alc-Subscriber-Filter="Ingr-v4:-2,Egr-v6:7"`,
		`User-Name=alice@isp, ERX-Service-Activate:1="GARDEN(1)", ERX-Service-Deactivate=GARDEN`,
		`User-Name=alice@isp, Proxy-State=0x01, State=0x02, Event-Timestamp=946684800`,
	} {
		f.Add(byte(i), byte(i), i%2 == 0, coa(f, 1, text)[radiusx.HeaderLength:])
	}
	f.Fuzz(func(t *testing.T, maker, quirk byte, disconnects bool, attrs []byte) {
		parsed, err := radius.ParseAttributes(attrs)
		if err != nil || len(attrs) > radiusx.MaxPacketLength-radiusx.HeaderLength {
			return // no packet
		}
		name := quirks[int(quirk)%len(quirks)].Name
		b, err := New(Config{
			Name: "bng1", NASIP: nasIP, Platform: Platforms()[int(maker)%len(behaviours)], Quirks: []Quirk{name},
			Secret: secret(t, testSecret), Profiles: []string{"GARDEN"}, KeepPackets: -1,
		})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := b.Login(t.Context(), alice()); err != nil {
			t.Fatal(err)
		}
		p := radius.Packet{Code: radius.CodeCoARequest, Identifier: 7, Secret: []byte(testSecret), Attributes: parsed}
		if disconnects {
			p.Code = radius.CodeDisconnectRequest
		}
		request, err := p.Encode()
		if err != nil {
			return // too long
		}
		answer, _ := b.process(request, dasAddr, func([]byte) {})
		if answer == nil || name == WrongID {
			return
		}
		packet, err := radiusx.Trim(answer)
		if err != nil || !radius.IsAuthenticResponse(packet, request, []byte(testSecret)) {
			t.Errorf("%s under %s answers %x with %x: %v", b.config.Platform, name, request, answer, err)
		}
	})
}
