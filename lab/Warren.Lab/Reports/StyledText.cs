using System.Text;

namespace Warren.Lab.Reports;

/// <summary>How a piece of a text report is shown on a terminal with colours.</summary>
internal enum TextStyle
{
    Plain,
    Dim,
    Bold,
    Bad,
    Good,
    Preempted,
    Lock,
    Unlock,
    Srcu,
    Wait,
    Sequence,
    Read,
    Write,
    Order,
    Mark,
}

/// <summary>
/// Lines of styled pieces, rendered with or without escape sequences. Control characters of the content are shown as '�'.
/// </summary>
internal sealed class StyledText(bool colours)
{
    private readonly StringBuilder _text = new();

    public int Column { get; private set; }

    public StyledText Add(string text, TextStyle style = TextStyle.Plain)
    {
        if (text.Length == 0)
            return this;
        var code = colours ? Code(style) : "";
        if (code.Length > 0)
            _text.Append("\x1b[").Append(code).Append('m');
        foreach (var c in text)
            _text.Append(char.IsControl(c) ? '\uFFFD' : c);
        if (code.Length > 0)
            _text.Append("\x1b[0m");
        Column += text.Length;
        return this;
    }

    /// <summary>Fills with spaces up to <paramref name="column"/>.</summary>
    public StyledText PadTo(int column)
    {
        if (column > Column)
        {
            _text.Append(' ', column - Column);
            Column = column;
        }

        return this;
    }

    /// <summary>Ends the line, without trailing spaces.</summary>
    public StyledText Line()
    {
        while (_text.Length > 0 && _text[^1] == ' ')
            _text.Length--;
        _text.Append('\n');
        Column = 0;
        return this;
    }

    public override string ToString() => _text.ToString();

    public static TextStyle Of(StepKind kind) => kind switch
    {
        StepKind.Lock => TextStyle.Lock,
        StepKind.Unlock => TextStyle.Unlock,
        StepKind.Srcu => TextStyle.Srcu,
        StepKind.Wait => TextStyle.Wait,
        StepKind.Sequence => TextStyle.Sequence,
        StepKind.Read => TextStyle.Read,
        StepKind.Write => TextStyle.Write,
        StepKind.Order => TextStyle.Order,
        _ => TextStyle.Mark,
    };

    private static string Code(TextStyle style) => style switch
    {
        TextStyle.Dim or TextStyle.Order => "90",
        TextStyle.Bold => "1",
        TextStyle.Bad => "1;31",
        TextStyle.Good => "1;32",
        TextStyle.Preempted => "1;35",
        TextStyle.Lock => "33",
        TextStyle.Unlock => "2;33",
        TextStyle.Srcu => "36",
        TextStyle.Wait => "35",
        TextStyle.Sequence => "34",
        TextStyle.Write => "32",
        TextStyle.Mark => "1;34",
        _ => "",
    };
}
