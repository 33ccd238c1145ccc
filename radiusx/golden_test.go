package radiusx

import (
	"bytes"
	"crypto/md5"
	"encoding/hex"
	"testing"

	"layeh.com/radius"
)

// goldenSecret signs every golden vector.
const goldenSecret = "golden-secret"

// goldenVectors were made with radclient 3.2.1; the ACKs were accepted by it.
var goldenVectors = []struct {
	name             string
	code             radius.Code
	identifier       byte
	attributes       string // radclient's input
	mauth            bool   // the request ends with Message-Authenticator
	request, ackWire string // hexadecimal
}{
	{
		name: "CoA with Message-Authenticator", code: radius.CodeCoARequest, identifier: 0xa5, mauth: true,
		attributes: "User-Name=sub1@isp, Acct-Session-Id=0000A1B2, NAS-IP-Address=192.0.2.1, Event-Timestamp=1767225600",
		request:    "2ba50046d9281a355d4df806c6b434dd77d9c65b010a73756231406973702c0a30303030413142320406c000020137066955b9005012d15687835d5317923fb7af296ecf607c",
		ackWire:    "2ca50026547382bd5d8798b17e37f8e1a3537d0950125a4ecef048140a8516dee1b73a5961c8",
	},
	{
		name: "CoA with tagged and untagged ERX attributes", code: radius.CodeCoARequest, identifier: 0xf8,
		attributes: "User-Name=sub1@isp\nAcct-Session-Id=42\nERX-Service-Deactivate=SVC-INET\nERX-Service-Activate:1=\"SVC-GUEST(20m)\"\nERX-Service-Statistics:1=time-volume",
		request:    "2bf80055954af4a9f5ca3c83a8d7c820df79096d010a73756231406973702c0434321a100000130a420a5356432d494e45541a170000130a4111015356432d47554553542832306d291a0c0000130a450601000002",
		ackWire:    "2cf80026e16ac772caba71848a084d9d9dbb427850120c5807f0e17d8790652b748bc825ca7f",
	},
	{
		name: "CoA for Cisco ISG", code: radius.CodeCoARequest, identifier: 0x79,
		attributes: "Acct-Session-Id=00000011, Cisco-Account-Info=S10.0.0.5, Cisco-AVPair=\"subscriber:command=activate-service\", Cisco-AVPair += \"subscriber:service-name=GARDEN\"",
		request:    "2b790080ad30db19414453bf2771e2dd0f87ff1d2c0a30303030303031311a1100000009fa0b5331302e302e302e351a2b000000090125737562736372696265723a636f6d6d616e643d61637469766174652d736572766963651a26000000090120737562736372696265723a736572766963652d6e616d653d47415244454e",
		ackWire:    "2c790026c0caa45aa436f12e8d04e727b5f30a0850128752be4530cc4e59d1a7f38d0c852db0",
	},
	{
		name: "CoA for MikroTik", code: radius.CodeCoARequest, identifier: 0xc7,
		attributes: "User-Name=sub1, Framed-IP-Address=10.0.0.5, Mikrotik-Address-List=quarantine",
		request:    "2bc7003229f0fbbe1ad13d6448efca39638fed2201067375623108060a0000051a1200003a8c130c71756172616e74696e65",
		ackWire:    "2cc70026565c43e8d1e99339419e4e09a7a188875012d6fccef2b89b5a231f90fe4d0d335ff8",
	},
	{
		name: "CoA for Nokia SR OS", code: radius.CodeCoARequest, identifier: 0x9b,
		attributes: "Alc-Subsc-ID-Str=sub1, Alc-SLA-Prof-Str=garden",
		request:    "2b9b002e5cee6cc0137061d396d9b501a19460171a0c0000197f0b06737562311a0e0000197f0d0867617264656e",
		ackWire:    "2c9b0026afa84544ada46b61e48b25ae11fed7c950121d101c13963d4b0b084c810e8b685445",
	},
	{
		name: "Disconnect with Message-Authenticator", code: radius.CodeDisconnectRequest, identifier: 0x60, mauth: true,
		attributes: "Acct-Session-Id=0000A1B2, User-Name=sub1@isp",
		request:    "2860003abe6a60b50fafbb65911e4deda8eb84122c0a3030303041314232010a73756231406973705012b31585c951b464d7f83b694c4ac05f2d",
		ackWire:    "296000265be79efa07e23a349e5d8236c5f4a699501269820190aa0783be7ed8909f9a8bf1e7",
	},
}

func TestGoldenVectorsReencodeByteIdentically(t *testing.T) {
	for _, v := range goldenVectors {
		t.Run(v.name, func(t *testing.T) {
			attrs, err := ParseAttributes(v.attributes)
			if err != nil {
				t.Fatal(err)
			}
			encoded, err := Builtin().EncodeAll(attrs)
			if err != nil {
				t.Fatal(err)
			}
			request := signedRequest(t, v.code, v.identifier, encoded, v.mauth)
			if got := hex.EncodeToString(request); got != v.request {
				t.Errorf("request\n got %s\nwant %s", got, v.request)
			}
			if !radius.IsAuthenticRequest(request, []byte(goldenSecret)) {
				t.Error("request is not authentic to the codec")
			}
			ack := signedACK(request)
			if got := hex.EncodeToString(ack); got != v.ackWire {
				t.Errorf("ACK\n got %s\nwant %s", got, v.ackWire)
			}
			if got := CheckMessageAuthenticator(ack, []byte(goldenSecret), request[4:20]); got != MessageAuthenticatorValid {
				t.Errorf("Message-Authenticator of the ACK: %v, want valid", got)
			}
		})
	}
}

func TestGoldenVectorsDecodeToTheirAttributes(t *testing.T) {
	for _, v := range goldenVectors {
		wire, err := hex.DecodeString(v.request)
		if err != nil {
			t.Fatal(err)
		}
		packet, err := radius.Parse(wire, []byte(goldenSecret))
		if err != nil {
			t.Fatal(err)
		}
		encoded, err := Builtin().EncodeAll(Builtin().Decode(packet.Attributes))
		if err != nil {
			t.Fatalf("%s: %v", v.name, err)
		}
		packet.Attributes = encoded
		again, err := packet.MarshalBinary()
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(again, wire) {
			t.Errorf("%s: decoded and encoded again\n got %x\nwant %x", v.name, again, wire)
		}
	}
}

// signedRequest builds a request in the order RFC 5176 section 3.4 asks for: the
// Message-Authenticator over a zero authenticator, then the authenticator.
func signedRequest(t *testing.T, code radius.Code, identifier byte, attrs radius.Attributes, mauth bool) []byte {
	t.Helper()
	wire, err := (&radius.Packet{Code: code, Identifier: identifier, Attributes: attrs}).MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	if mauth {
		wire = AppendMessageAuthenticator(wire)
		SignMessageAuthenticator(wire, []byte(goldenSecret), make([]byte, AuthenticatorLength))
	}
	sum := md5.Sum(append(bytes.Clone(wire), goldenSecret...))
	copy(wire[4:], sum[:])
	return wire
}

// signedACK answers request with an ACK that carries only a Message-Authenticator.
func signedACK(request []byte) []byte {
	ack := make([]byte, HeaderLength)
	ack[0], ack[1] = request[0]+1, request[1]
	ack = AppendMessageAuthenticator(ack)
	SignMessageAuthenticator(ack, []byte(goldenSecret), request[4:20])
	copy(ack[4:20], request[4:20])
	sum := md5.Sum(append(bytes.Clone(ack), goldenSecret...))
	copy(ack[4:20], sum[:])
	return ack
}
