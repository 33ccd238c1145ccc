package coa

import (
	"bytes"
	"crypto/hmac"
	"crypto/md5"
	"testing"

	"layeh.com/radius"
)

// judge says what an answer to sent is, the plain way: RFC 5176 section 2 and 3.4,
// RFC 2865 section 3. It shares no code with the package. A nil packet means that
// it is no answer.
func judge(datagram, sent []byte, requireSigned bool) (packet []byte) {
	if len(datagram) < 20 {
		return nil
	}
	length := int(datagram[2])*256 + int(datagram[3])
	if length < 20 || length > 4096 || length > len(datagram) {
		return nil
	}
	packet = datagram[:length]
	if packet[1] != sent[1] || packet[0] != sent[0]+1 && packet[0] != sent[0]+2 {
		return nil
	}
	var signatures []int // where their values begin
	for i := 20; i < length; i += int(packet[i+1]) {
		switch {
		case i+1 >= length || packet[i+1] < 2 || i+int(packet[i+1]) > length:
			return nil
		case packet[i] == 80 && packet[i+1] != 18:
			return nil
		case packet[i] == 80:
			signatures = append(signatures, i+2)
		}
	}
	if !bytes.Equal(packet[4:20], responseAuthenticator(packet, sent)) || len(signatures) > 1 || requireSigned && len(signatures) == 0 {
		return nil
	}
	for _, at := range signatures {
		if !bytes.Equal(packet[at:at+16], signature(packet, sent, at)) {
			return nil
		}
	}
	return packet
}

func responseAuthenticator(packet, sent []byte) []byte {
	sum := md5.New()
	sum.Write(packet[:4])
	sum.Write(sent[4:20])
	sum.Write(packet[20:])
	sum.Write([]byte(testSecret))
	return sum.Sum(nil)
}

// signature is the Message-Authenticator whose value begins at that octet.
func signature(packet, sent []byte, at int) []byte {
	plain := bytes.Clone(packet)
	copy(plain[4:20], sent[4:20])
	copy(plain[at:at+16], make([]byte, 16))
	sum := hmac.New(md5.New, []byte(testSecret))
	sum.Write(plain)
	return sum.Sum(nil)
}

// How much of a datagram the fuzzer's helper makes right, which it could not find
// itself: nothing, Length and Response Authenticator, or all of these and
// every Message-Authenticator.
const (
	asItIs = iota
	answered
	signed
	rights
)

// makeRight makes that much of a datagram right, as far as its form allows.
func makeRight(datagram, sent []byte, how uint8) []byte {
	datagram = bytes.Clone(datagram)
	if how%rights == asItIs || len(datagram) < 20 || len(datagram) > 4096 {
		return datagram
	}
	datagram[2], datagram[3] = byte(len(datagram)>>8), byte(len(datagram))
	for i := 20; how%rights == signed && i+18 <= len(datagram) && datagram[i+1] >= 2; i += int(datagram[i+1]) {
		if datagram[i] == 80 && datagram[i+1] == 18 {
			copy(datagram[i+2:], signature(datagram, sent, i+2))
			break // a second one would make the first wrong
		}
	}
	copy(datagram[4:20], responseAuthenticator(datagram, sent))
	return datagram
}

// FuzzAccept holds the check of answers against a second, plain one: exactly the
// datagrams that it takes are taken. Unless the helper has signed it, only
// the genuine answers among the seeds are.
func FuzzAccept(f *testing.F) {
	questions := map[bool]map[bool]*request{} // by disconnect and by whether a signature is required
	genuine := map[string]bool{}
	for _, disconnect := range []bool{false, true} {
		code := map[bool]radius.Code{false: radius.CodeCoARequest, true: radius.CodeDisconnectRequest}[disconnect]
		questions[disconnect] = map[bool]*request{
			false: asked(f, code, MessageAuthenticatorSend), true: asked(f, code, MessageAuthenticatorRequireReply),
		}
		for _, required := range []bool{false, true} {
			for _, answer := range answers(questions[disconnect][required].octets) {
				genuine[string(answer)] = true
				f.Add(answer, disconnect, required, uint8(asItIs))
				f.Add(append(bytes.Clone(answer), 0, 0), disconnect, required, uint8(signed))
			}
		}
	}
	stray := bytes.Clone(answers(questions[false][false].octets)["ACK"])
	stray[1]++ // to another request that had the same authenticator
	f.Add(stray, false, false, uint8(answered))
	f.Add([]byte{44, 0x5a, 0, 20}, false, false, uint8(asItIs))
	f.Add(reply{request: questions[false][false].octets, code: radius.CodeCoAACK, attributes: []byte{80, 2}}.encode(), false, false,
		uint8(answered))
	f.Fuzz(func(t *testing.T, datagram []byte, disconnect, required bool, how uint8) {
		q := questions[disconnect][required]
		datagram = makeRight(datagram, q.octets, how)
		packet, why := q.accept(datagram, bng1)
		want := judge(datagram, q.octets, required)
		if (why == NotDiscarded) != (want != nil) || !bytes.Equal(packet, want) {
			t.Fatalf("%x: %v, packet %x; the plain check says %x", datagram, why, packet, want)
		}
		if packet == nil {
			return
		}
		if how%rights == asItIs && !genuine[string(packet)] {
			t.Fatalf("accepted although nobody who knows the secret made it: %x", datagram)
		}
		if _, why := q.accept(datagram, bng2); why != WrongPort {
			t.Fatalf("from another address it is %v", why)
		}
		_ = errorCauseOf(packet)
	})
}
