import Reporting
import Testing

@Suite struct TextTableTests {
    @Test func numbersStandToTheRight() {
        var table = TextTable(["name", "frames", "note"])
        table.add(["eth1", "7", "up"])
        table.add(["a", "12345678", ""])
        #expect(
            table.rendered() == """
                name    frames  note
                eth1         7  up
                a     12345678

                """)
    }

    @Test func aHeadAloneIsATable() {
        #expect(TextTable(["a", "b"]).rendered() == "a  b\n")
    }
}
