package emulate

import (
	"fmt"
	"strconv"
)

// QRIS is the text of a dynamic QRIS code for an amount of rupiah, made out to a
// merchant of up to 25 characters: well formed, and belonging to nobody.
func QRIS(merchant string, rupiah int64) string {
	const account = "0011ID.DANA.WWW011893600915000000000002090000000000303UMI"
	const national = "0014ID.CO.QRIS.WWW0215ID10200000000000303UMI"
	text := "000201010212" + tlv("26", account) + tlv("51", national) + "52044812" + "5303360" + tlv("54", strconv.FormatInt(rupiah, 10)) +
		"5802ID" + tlv("59", merchant) + tlv("60", "JAKARTA") + tlv("61", "12345") + "6304"
	return text + fmt.Sprintf("%04X", crc(text))
}

// tlv writes a field: tag, length, value.
func tlv(tag, value string) string { return fmt.Sprintf("%s%02d%s", tag, len(value), value) }

// crc is CRC-16/CCITT-FALSE, by which a code ends.
func crc(text string) uint16 {
	sum := uint16(0xFFFF)
	for _, b := range []byte(text) {
		sum ^= uint16(b) << 8
		for range 8 {
			carry := sum & 0x8000
			sum <<= 1
			if carry != 0 {
				sum ^= 0x1021
			}
		}
	}
	return sum
}
