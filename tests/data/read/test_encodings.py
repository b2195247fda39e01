"""The encoding that a message proposes."""

import pytest

from elman.data.read.encodings import likely


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("Größe;Maß\n1;2\n", "cp1252"),
        ("Zeit;Temperatur °C\n", "cp1252"),
        ("5 µm ± 2\n", "cp1252"),
        ("“price” in €\n", "cp1252"),
        ("Kupiłem świeży chleb i gęś, było drogo", "cp1250"),
        ("Příliš žluťoučký kůň; krásný večer", "cp1250"),
        ("Příliš žluťoučký kůň; krásný večer", "iso8859-2"),
        ("A könyv érdekes volt, a tükör is, de a vége kissé erőltetett", "cp1250"),
        ("¿Qué tal? El niño comió mañana una piña", "cp1252"),
        ("Não é possível; a ação foi à praia", "cp1252"),
        ("Привет, мир", "cp1251"),
        ("привет, мир", "koi8-r"),
        ("日本語のテキスト", "shift_jis"),
        ("中文文本内容如下所示", "gb18030"),
        ("中文文本內容如下所示", "big5"),
        ("한국어 문장입니다", "euc_kr"),
        ("words", "utf-16-le"),
    ],
)
def test_the_encoding_of_text(text, encoding):
    assert likely(text.encode(encoding)) == encoding


def test_bytes_that_are_no_text_have_none():
    assert likely(b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x82\xa0\x82\xa2") == ""
