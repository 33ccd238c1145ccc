package radiusx

import (
	"bytes"
	"crypto/hmac"
	"crypto/md5"
	"fmt"
	"math/rand/v2"
	"testing"
)

// TestAKeyMakesTheSumsOfTheStandardLibrary compares with crypto/hmac and
// crypto/md5 over secrets shorter than, as long as and longer than a block.
func TestAKeyMakesTheSumsOfTheStandardLibrary(t *testing.T) {
	seed := rand.Uint64()
	random := rand.New(rand.NewPCG(seed, 0))
	octets := func(n int) []byte {
		b := make([]byte, n)
		for i := range b {
			b[i] = byte(random.Uint32())
		}
		return b
	}
	for _, size := range []int{1, 20, 55, 63, 64, 65, 128, 300} {
		secret, authenticator := octets(size), octets(AuthenticatorLength)
		key := NewKey(secret)
		packet := append([]byte{43, 7, 0, 0}, make([]byte, AuthenticatorLength)...)
		value := octets(random.IntN(200))
		packet = append(append(packet, 26, byte(2+len(value))), value...)
		packet = AppendMessageAuthenticator(packet)

		mac := hmac.New(md5.New, secret)
		mac.Write(packet[:4])
		mac.Write(authenticator)
		mac.Write(packet[HeaderLength:])
		if !key.SignMessageAuthenticator(packet, authenticator) || !bytes.HasSuffix(packet, mac.Sum(nil)) {
			t.Fatalf("seed %d: Message-Authenticator under %d octets of secret: %x", seed, size, packet)
		}
		if got := key.CheckMessageAuthenticator(packet, authenticator); got != MessageAuthenticatorValid {
			t.Errorf("seed %d: its own Message-Authenticator: %v", seed, got)
		}

		request := md5.Sum(append(bytes.Clone(packet), secret...))
		key.SignRequest(packet)
		if !bytes.Equal(packet[4:HeaderLength], request[:]) {
			t.Errorf("seed %d: Request Authenticator under %d octets of secret", seed, size)
		}
		copy(packet[4:], authenticator)
		response := md5.Sum(append(bytes.Clone(packet), secret...))
		key.SignResponse(packet, authenticator)
		if !bytes.Equal(packet[4:HeaderLength], response[:]) || !key.CheckResponse(packet, authenticator) {
			t.Errorf("seed %d: Response Authenticator under %d octets of secret", seed, size)
		}
		packet[5] ^= 1
		if key.CheckResponse(packet, authenticator) {
			t.Errorf("seed %d: a wrong Response Authenticator is right", seed)
		}
		if !key.Is(secret) || key.Is(append(bytes.Clone(secret), 0)) || key.Is(secret[1:]) {
			t.Errorf("seed %d: it is the key of another secret", seed)
		}
	}
}

func TestAKeyNeverPrintsItsSecret(t *testing.T) {
	k := NewKey([]byte("hunter2"))
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x"} {
		for _, v := range []any{k, *k, struct{ K *Key }{k}} {
			if got := fmt.Sprintf(verb, v); bytes.Contains([]byte(got), []byte("hunter2")) ||
				bytes.Contains([]byte(got), []byte("68756e74657232")) {
				t.Errorf("%s: %s", verb, got)
			}
		}
	}
}

// BenchmarkKey is the two sums of a CoA-Request of usual size.
func BenchmarkKey(b *testing.B) {
	key := NewKey([]byte("a secret of decent length"))
	packet := append([]byte{43, 7, 0, 0}, make([]byte, AuthenticatorLength)...)
	packet = append(append(packet, 1, 62), make([]byte, 60)...)
	packet = AppendMessageAuthenticator(packet)
	b.ReportAllocs()
	for b.Loop() {
		key.SignMessageAuthenticator(packet, zeros[:])
		key.SignRequest(packet)
	}
}
