//! Checksums of identifiers, on their digits or characters alone.

/// The Luhn check (ISO/IEC 7812-1, annex B) of a number's digits.
pub(crate) fn luhn(digits: &[u8]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(place, digit)| {
            let value = u32::from(digit - b'0');
            match (place % 2, value * 2) {
                (0, _) => value,
                (_, doubled) if doubled > 9 => doubled - 9,
                (_, doubled) => doubled,
            }
        })
        .sum();
    sum.is_multiple_of(10)
}

/// Whether digits have the prefix and length of a card issuer (ISO/IEC 7812-1; the issuers' published ranges).
pub(crate) fn is_card(digits: &[u8]) -> bool {
    let length = digits.len();
    if !(13..=19).contains(&length) {
        return false;
    }
    let prefix = |count: usize| -> u32 {
        digits[..count]
            .iter()
            .fold(0, |number, digit| number * 10 + u32::from(digit - b'0'))
    };
    let issued = match (prefix(1), prefix(2), prefix(3), prefix(4)) {
        // Visa
        (4, ..) => matches!(length, 13 | 16 | 19),
        // Mastercard
        (_, 51..=55, ..) | (.., 2221..=2720) => length == 16,
        // American Express
        (_, 34 | 37, ..) => length == 15,
        // Discover, UnionPay, RuPay
        (.., 6011) | (_, 65 | 60 | 62 | 81 | 82, ..) | (_, _, 644..=649, _) => length >= 16,
        // JCB
        (.., 3528..=3589) => length >= 16,
        // Diners Club
        (_, 36 | 38 | 39, ..) | (_, _, 300..=305, _) => (14..=19).contains(&length),
        // Maestro
        (.., 5018 | 5020 | 5038 | 5893 | 6304 | 6759 | 6761..=6763) => true,
        _ => false,
    };
    issued && luhn(digits)
}

/// The mod-97 check of an IBAN's characters, without spaces (ISO 13616-1, ISO/IEC 7064 mod 97-10).
pub(crate) fn mod97(characters: &[u8]) -> bool {
    let rotated = characters[4..].iter().chain(&characters[..4]);
    let rest = rotated.fold(0_u32, |rest, byte| match byte {
        b'0'..=b'9' => (rest * 10 + u32::from(byte - b'0')) % 97,
        letter => (rest * 100 + u32::from(letter.to_ascii_uppercase() - b'A') + 10) % 97,
    });
    rest == 1
}

/// The length of an IBAN by its country (SWIFT, IBAN registry); 0 for a country that has none.
pub(crate) fn iban_length(country: [u8; 2]) -> usize {
    const LENGTHS: [(usize, &str); 20] = [
        (15, "NO"),
        (16, "BE"),
        (18, "DK FI FO GL NL SD FK"),
        (19, "MK SI"),
        (20, "AT BA EE KZ LT LU XK MN"),
        (21, "CH HR LI LV"),
        (22, "BG BH CR DE GB GE IE ME RS VA"),
        (23, "AE GI IL IQ OM SO TL"),
        (24, "AD CZ ES MD PK RO SA SE SK TN VG"),
        (25, "LY PT ST"),
        (26, "IS TR"),
        (27, "BI DJ FR GR IT MC MR SM"),
        (28, "AL AZ BY CY DO GT HU LB NI PL SV"),
        (29, "BR EG PS QA UA"),
        (30, "JO KW MU YE"),
        (31, "MT SC"),
        (32, "LC"),
        (33, "RU"),
        (0, ""),
        (0, ""),
    ];
    let upper = country.map(|letter| letter.to_ascii_uppercase());
    LENGTHS
        .iter()
        .find(|(_, countries)| countries.split(' ').any(|known| known.as_bytes() == upper))
        .map_or(0, |(length, _)| *length)
}

fn weighted(digits: &[u8], weights: &[u32]) -> u32 {
    digits
        .iter()
        .zip(weights)
        .map(|(digit, weight)| u32::from(digit - b'0') * weight)
        .sum()
}

/// PESEL, the Polish personal number: its check digit and its date (Ustawa o ewidencji ludności, art. 15).
pub(crate) fn is_pesel(digits: &[u8]) -> bool {
    if digits.len() != 11 {
        return false;
    }
    let sum = weighted(&digits[..10], &[1, 3, 7, 9, 1, 3, 7, 9, 1, 3]);
    if (10 - sum % 10) % 10 != u32::from(digits[10] - b'0') {
        return false;
    }
    let number = |at: usize| u32::from(digits[at] - b'0') * 10 + u32::from(digits[at + 1] - b'0');
    let (year, coded, day) = (number(0), number(2), number(4));
    // The century stands in the month.
    let (century, month) = match coded {
        1..=12 => (1900, coded),
        21..=32 => (2000, coded - 20),
        41..=52 => (2100, coded - 40),
        61..=72 => (2200, coded - 60),
        81..=92 => (1800, coded - 80),
        _ => return false,
    };
    let year = century + year;
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    };
    (1..=days).contains(&day)
}

/// NIP, the Polish tax number: its check digit.
pub(crate) fn is_nip(digits: &[u8]) -> bool {
    digits.len() == 10
        && digits[0] != b'0'
        && weighted(&digits[..9], &[6, 5, 7, 2, 3, 4, 5, 6, 7]) % 11 == u32::from(digits[9] - b'0')
}

/// REGON, the Polish business number, of 9 or 14 digits: its check digits.
pub(crate) fn is_regon(digits: &[u8]) -> bool {
    let check = |digits: &[u8], weights: &[u32]| {
        let last = digits.len() - 1;
        weighted(&digits[..last], weights) % 11 % 10 == u32::from(digits[last] - b'0')
    };
    let short = |digits: &[u8]| check(digits, &[8, 9, 2, 3, 4, 5, 6, 7]);
    match digits.len() {
        9 => short(digits),
        14 => short(&digits[..9]) && check(digits, &[2, 4, 8, 5, 0, 9, 7, 3, 6, 1, 2, 4, 8]),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_numbers() {
        for card in [
            "4111111111111111",
            "5500005555555559",
            "378282246310005",
            "6011111111111117",
            "30569309025904",
        ] {
            assert!(is_card(card.as_bytes()), "{card}");
        }
        for none in [
            "4111111111111112",
            "1111111111111117",
            "0000000000000000",
            "411111111111",
        ] {
            assert!(!is_card(none.as_bytes()), "{none}");
        }
        for iban in [
            "PL61109010140000071219812874",
            "DE89370400440532013000",
            "GB29NWBK60161331926819",
        ] {
            assert!(mod97(iban.as_bytes()), "{iban}");
            assert_eq!(
                iban_length([iban.as_bytes()[0], iban.as_bytes()[1]]),
                iban.len()
            );
        }
        assert!(!mod97(b"PL61109010140000071219812875"));
        assert!(is_pesel(b"44051401359"));
        assert!(!is_pesel(b"44051401358"));
        assert!(!is_pesel(b"44053401353"), "no such date");
        assert!(is_nip(b"5260250274"));
        assert!(!is_nip(b"5260250275"));
        assert!(is_regon(b"123456785"));
        assert!(is_regon(b"12345678512347"));
        assert!(!is_regon(b"12345678512346"));
    }
}
