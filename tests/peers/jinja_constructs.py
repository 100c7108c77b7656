"""What public chat templates are made of, written anew: whole templates in the manner of known families, and expressions.
All are rendered with the same variables."""
import json

CONVERSATION = {
    "bos_token": "<s>", "eos_token": "</s>", "add_generation_prompt": True, "documents": None,
    "messages": [
        {"role": "system", "content": "  Be brief. \n"},
        {"role": "user", "content": "What's the weather in “Zürich” 🌦?"},
        {"role": "assistant", "content": "<think>\nlook it up\n</think>\n\n", "reasoning_content": "look it up",
         "tool_calls": [{"id": "abcdef123", "type": "function", "function": {
             "name": "get_weather", "arguments": {"city": "Zürich", "days": 3, "exact": True, "limit": None, "scale": 21.0}}}]},
        {"role": "tool", "name": "get_weather", "tool_call_id": "abcdef123", "content": "{\"t\": 21.5}"},
        {"role": "tool", "name": "get_weather", "content": "ok"},
        {"role": "assistant", "content": "It is 21.5 °C."},
        {"role": "user", "content": [{"type": "text", "text": "And <b>tomorrow</b>?"}, {"type": "image"}]},
    ],
    "tools": [{"type": "function", "function": {
        "name": "get_weather", "description": "Weather of a city.\nFor some days.",
        "parameters": {"type": "object", "required": ["city"], "properties": {
            "city": {"type": "string", "description": "It's a name", "enum": ["Zürich", "Bern"]},
            "days": {"type": "integer", "default": 1, "minimum": 0.5},
            "tags": {"type": "array", "items": {"type": "array", "items": {"type": "number"}}},
            "either": {"type": ["string", "number"]}, "more": {"oneOf": [{"type": "boolean"}, {"type": "object", "additionalProperties": {"type": "string"}}]},
            "nested": {"type": "object", "properties": {"10": {"type": "string"}, "2": {"type": "number", "nullable": True}}}}}}}],
}


def conversations():
    """The variables' JSON texts, by name."""
    return {name: json.dumps(value, ensure_ascii=False) for name, value in CONVERSATION.items()}


def constructs():
    return [text.lstrip("\n") for text in TEMPLATES]


def expressions():
    return [line for line in EXPRESSIONS.strip().split("\n") if line]


TEMPLATES = [
    # Alternation checked by an exception, roles in brackets, tools for the last user message only.
    """
{%- if messages[0]["role"] == "system" %}
    {%- set system_message = messages[0]["content"] %}
    {%- set loop_messages = messages[1:] %}
{%- else %}
    {%- set loop_messages = messages %}
{%- endif %}
{%- if not tools is defined %}{%- set tools = none %}{%- endif %}
{%- set user_messages = loop_messages | selectattr("role", "equalto", "user") | list %}
{%- set ns = namespace(index=0) %}
{%- for message in loop_messages %}
    {%- if not (message.role == "tool" or message.role == "tool_results" or (message.tool_calls is defined and message.tool_calls is not none)) %}
        {%- if (message["role"] == "user") != (ns.index % 2 == 0) %}
            {{- raise_exception("roles must alternate") }}
        {%- endif %}
        {%- set ns.index = ns.index + 1 %}
    {%- endif %}
{%- endfor %}
{{- bos_token }}
{%- for message in loop_messages %}
    {%- if message["role"] == "user" %}
        {%- if tools is not none and (message == user_messages[-1]) %}
            {{- "[AVAILABLE_TOOLS] [" }}
            {%- for tool in tools %}
                {%- set tool = tool.function %}
                {{- '{"type": "function", "function": {' }}
                {%- for key, val in tool.items() if key != "return" %}
                    {%- if val is string %}
                        {{- '"' + key + '": "' + val + '"' }}
                    {%- else %}
                        {{- '"' + key + '": ' + val|tojson }}
                    {%- endif %}
                    {%- if not loop.last %}{{- ", " }}{%- endif %}
                {%- endfor %}
                {{- "}}" }}
                {%- if not loop.last %}{{- ", " }}{%- else %}{{- "]" }}{%- endif %}
            {%- endfor %}
            {{- "[/AVAILABLE_TOOLS]" }}
        {%- endif %}
        {{- "[INST] " }}{% if message.content is string %}{{ message.content }}{% else %}{{ message.content[0].text }}{% endif %}{{- "[/INST]" }}
    {%- elif message.tool_calls is defined and message.tool_calls is not none %}
        {{- "[TOOL_CALLS] [" }}
        {%- for tool_call in message.tool_calls %}
            {%- set out = tool_call.function|tojson %}
            {{- out[:-1] }}
            {%- if not tool_call.id is defined or tool_call.id|length != 9 %}
                {{- raise_exception("ids have 9 characters") }}
            {%- endif %}
            {{- ', "id": "' + tool_call.id + '"}' }}
        {%- endfor %}
        {{- "]" + eos_token }}
    {%- elif message["role"] == "assistant" %}
        {{- " " + message["content"]|trim + eos_token}}
    {%- elif message["role"] == "tool" %}
        {%- if message.content is defined and message.content.content is defined %}
            {%- set content = message.content.content %}
        {%- else %}
            {%- set content = message.content %}
        {%- endif %}
        {{- '[TOOL_RESULTS] {"content": ' + content|string + ", " }}
        {{- '"call_id": "' + message.tool_call_id|default("none") + '"}[/TOOL_RESULTS]' }}
    {%- endif %}
{%- endfor %}
""",
    # A header per role, the date, tools as indented JSON, a call as JSON.
    """
{{- bos_token }}
{%- if custom_tools is defined %}{%- set tools = custom_tools %}{%- endif %}
{%- if not date_string is defined %}
    {%- if strftime_now is defined %}{%- set date_string = "26 Jul 2024" %}{%- endif %}
{%- endif %}
{%- if messages[0]['role'] == 'system' %}
    {%- set system_message = messages[0]['content']|trim %}
    {%- set messages = messages[1:] %}
{%- else %}
    {%- set system_message = "" %}
{%- endif %}
{{- "<|start_header_id|>system<|end_header_id|>\\n\\n" }}
{%- if builtin_tools is defined or tools is not none %}{{- "Environment: ipython\\n" }}{%- endif %}
{%- if builtin_tools is defined %}
    {{- "Tools: " + builtin_tools | reject('equalto', 'code_interpreter') | join(", ") + "\\n\\n"}}
{%- endif %}
{{- "Today Date: " + date_string + "\\n\\n" }}
{{- system_message }}{{- "<|eot_id|>" }}
{%- for t in tools %}{{- t | tojson(indent=4) }}{{- "\\n\\n" }}{%- endfor %}
{%- for message in messages %}
    {%- if not (message.role == 'ipython' or message.role == 'tool' or 'tool_calls' in message) %}
        {{- '<|start_header_id|>' + message['role'] + '<|end_header_id|>\\n\\n'+ (message['content'] if message.content is string else message.content[0].text) | trim + '<|eot_id|>' }}
    {%- elif 'tool_calls' in message %}
        {%- if not message.tool_calls|length == 1 %}{{- raise_exception("one call at a time") }}{%- endif %}
        {%- set tool_call = message.tool_calls[0].function %}
        {{- '{"name": "' + tool_call.name + '", ' }}{{- '"parameters": ' }}{{- tool_call.arguments | tojson }}{{- "}" }}
        {%- for arg_name, arg_val in tool_call.arguments | items %}
            {{- arg_name + '="' ~ arg_val ~ '"' }}{%- if not loop.last %}{{- ", " }}{%- endif %}
        {%- endfor %}
    {%- elif message.role == "tool" or message.role == "ipython" %}
        {%- if message.content is mapping or message.content is iterable %}{{- message.content | tojson }}{%- else %}{{- message.content }}{%- endif %}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}{{- '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}{%- endif %}
""",
    # A recursive macro that writes types; sets inside loops; tool responses gathered under one user turn.
    """
{%- macro json_to_python_type(json_spec) %}
{%- set basic_type_map = {
    "string": "str",
    "number": "float",
    "integer": "int",
    "boolean": "bool"
} %}
{%- if basic_type_map[json_spec.type] is defined %}
    {{- basic_type_map[json_spec.type] }}
{%- elif json_spec.type == "array" %}
    {{- "list[" +  json_to_python_type(json_spec|items) + "]"}}
{%- elif json_spec.type == "object" %}
    {%- if json_spec.additionalProperties is defined %}
        {{- "dict[str, " + json_to_python_type(json_spec.additionalProperties) + ']'}}
    {%- else %}
        {{- "dict" }}
    {%- endif %}
{%- elif json_spec.type is iterable %}
    {{- "Union[" }}
    {%- for t in json_spec.type %}
      {{- json_to_python_type({"type": t}) }}
      {%- if not loop.last %}{{- "," }}{%- endif %}
    {%- endfor %}
    {{- "]" }}
{%- else %}
    {{- "Any" }}
{%- endif %}
{%- endmacro %}
{%- for tool in tools %}
    {%- if tool.function is defined %}{%- set tool = tool.function %}{%- endif %}
    {{- '{"type": "function", "function": ' }}
    {{- '{"name": "' + tool.name + '", ' }}
    {{- '"description": "' + tool.name + '(' }}
    {%- for param_name, param_fields in tool.parameters.properties|items %}
        {{- param_name + ": " + json_to_python_type(param_fields) }}
        {%- if not loop.last %}{{- ", " }}{%- endif %}
    {%- endfor %}
    {{- ")" }}
    {%- for param_name, param_fields in tool.parameters.properties.items() %}
        {{- "        " + param_name + '(' + json_to_python_type(param_fields) + '): ' + param_fields.description|default('')|trim }}
    {%- endfor %}
    {{- '", "parameters": ' }}
    {%- if tool.parameters.properties | length == 0 %}{{- "{}" }}{%- else %}{{- tool.parameters|tojson }}{%- endif %}
{%- endfor %}
{%- for message in messages %}
    {%- if message.role == "tool" %}
        {%- if loop.previtem and loop.previtem.role != "tool" %}{{- '<|im_start|>tool\\n' }}{%- endif %}
        {{- '<tool_response>\\n' }}{{- message.content }}
        {%- if not loop.last %}{{- '\\n</tool_response>\\n' }}{%- else %}{{- '\\n</tool_response>' }}{%- endif %}
        {%- if not loop.last and loop.nextitem.role != "tool" %}{{- '<|im_end|>' }}{%- elif loop.last %}{{- '<|im_end|>' }}{%- endif %}
    {%- endif %}
{%- endfor %}
""",
    # Thinking cut out of all turns but those after the last question.
    """
{%- set ns = namespace(multi_step_tool=true, last_query_index=messages|length - 1) %}
{%- for message in messages[::-1] %}
    {%- set index = (messages|length - 1) - loop.index0 %}
    {%- if ns.multi_step_tool and message.role == "user" and message.content is string and not(message.content.startswith('<tool_response>') and message.content.endswith('</tool_response>')) %}
        {%- set ns.multi_step_tool = false %}
        {%- set ns.last_query_index = index %}
    {%- endif %}
{%- endfor %}
{{ ns.last_query_index }}
{%- for message in messages %}
    {%- if message.content is string %}{%- set content = message.content %}{%- else %}{%- set content = '' %}{%- endif %}
    {%- if message.role == "assistant" %}
        {%- set reasoning_content = '' %}
        {%- if message.reasoning_content is string %}
            {%- set reasoning_content = message.reasoning_content %}
        {%- elif '</think>' in content %}
            {%- set reasoning_content = content.split('</think>')[0].rstrip('\\n').split('<think>')[-1].lstrip('\\n') %}
            {%- set content = content.split('</think>')[-1].lstrip('\\n') %}
        {%- endif %}
        {{- '<|im_start|>' + message.role }}
        {%- if loop.index0 > ns.last_query_index and (loop.last or (not loop.last and reasoning_content)) %}
            {{- '\\n<think>\\n' + reasoning_content.strip('\\n') + '\\n</think>\\n\\n' + content.lstrip('\\n') }}
        {%- else %}
            {{- '\\n' + content }}
        {%- endif %}
        {%- if message.tool_calls %}
            {%- for tool_call in message.tool_calls %}
                {%- if (loop.first and content) or (not loop.first) %}{{- '\\n' }}{%- endif %}
                {%- if tool_call.function %}{%- set tool_call = tool_call.function %}{%- endif %}
                {{- '<tool_call>\\n{"name": "' }}{{- tool_call.name }}{{- '", "arguments": ' }}
                {%- if tool_call.arguments is string %}{{- tool_call.arguments }}{%- else %}{{- tool_call.arguments | tojson }}{%- endif %}
                {{- '}\\n</tool_call>' }}
            {%- endfor %}
        {%- endif %}
    {%- elif message.role == "tool" %}
        {%- if loop.first or (messages[loop.index0 - 1].role != "tool") %}{{- '<|im_start|>user' }}{%- endif %}
        {{- '\\n<tool_response>\\n' + content + '\\n</tool_response>' }}
        {%- if loop.last or (messages[loop.index0 + 1].role != "tool") %}{{- '<|im_end|>\\n' }}{%- endif %}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|im_start|>assistant\\n' }}
    {%- if enable_thinking is defined and enable_thinking is false %}{{- '<think>\\n\\n</think>\\n\\n' }}{%- endif %}
{%- endif %}
""",
    # Flags kept in a namespace, the token names of full-width bars.
    """
{% if not add_generation_prompt is defined %}{% set add_generation_prompt = false %}{% endif %}{% set ns = namespace(is_first=false, is_tool=false, is_output_first=true, system_prompt='', is_first_sp=true) %}{%- for message in messages %}{%- if message['role'] == 'system' %}{%- if ns.is_first_sp %}{% set ns.system_prompt = ns.system_prompt + message['content'] %}{% set ns.is_first_sp = false %}{%- else %}{% set ns.system_prompt = ns.system_prompt + '\\n\\n' + message['content'] %}{%- endif %}{%- endif %}{%- endfor %}{{ bos_token }}{{ ns.system_prompt }}{%- for message in messages %}{%- if message['role'] == 'user' %}{%- set ns.is_tool = false -%}{{'<｜User｜>' ~ message['content']}}{%- endif %}{%- if message['role'] == 'assistant' and 'tool_calls' in message %}{%- set ns.is_tool = false -%}{%- for tool in message['tool_calls'] %}{%- if not ns.is_first %}{{'<｜tool▁calls▁begin｜>' + tool['type'] + '<｜tool▁sep｜>' + tool['function']['name'] + '\\n' + '```json' + '\\n' + tool['function']['arguments']|tojson + '\\n' + '```'}}{%- set ns.is_first = true -%}{%- endif %}{%- endfor %}{%- elif message['role'] == 'assistant' %}{% set content = message['content'] %}{% if '</think>' in content %}{% set content = content.split('</think>')[-1] %}{% endif %}{{'<｜Assistant｜>' + content + '<｜end▁of▁sentence｜>'}}{%- endif %}{%- if message['role'] == 'tool' %}{%- set ns.is_tool = true -%}{%- if ns.is_output_first %}{{'<｜tool▁outputs▁begin｜>' + message['content']}}{%- set ns.is_output_first = false %}{%- else %}{{'\\n' + message['content']}}{%- endif %}{%- endif %}{%- endfor -%}{% if ns.is_tool %}{{'<｜tool▁outputs▁end｜>'}}{% endif %}{% if add_generation_prompt and not ns.is_tool %}{{'<｜Assistant｜>'}}{% endif %}
""",
    # First text prefixed by the system's; parts of a message one by one.
    """
{{ bos_token }}
{%- if messages[0]['role'] == 'system' -%}
    {%- if messages[0]['content'] is string -%}{%- set first_user_prefix = messages[0]['content'] + '\\n\\n' -%}{%- else -%}{%- set first_user_prefix = messages[0]['content'][0]['text'] + '\\n\\n' -%}{%- endif -%}
    {%- set loop_messages = messages[1:] -%}
{%- else -%}
    {%- set first_user_prefix = "" -%}
    {%- set loop_messages = messages -%}
{%- endif -%}
{%- for message in loop_messages if message.role != 'tool' -%}
    {%- if (message['role'] == 'assistant') -%}{%- set role = "model" -%}{%- else -%}{%- set role = message['role'] -%}{%- endif -%}
    {{ '<start_of_turn>' + role + '\\n' + (first_user_prefix if loop.first else "") }}
    {%- if message['content'] is string -%}
        {{ message['content'] | trim }}
    {%- elif message['content'] is iterable -%}
        {%- for item in message['content'] -%}
            {%- if item['type'] == 'image' -%}{{ '<start_of_image>' }}{%- elif item['type'] == 'text' -%}{{ item['text'] | trim }}{%- endif -%}
        {%- endfor -%}
    {%- else -%}
        {{ raise_exception("Invalid content type") }}
    {%- endif -%}
    {{ '<end_of_turn>\\n' }}
{%- endfor -%}
{%- if add_generation_prompt -%}{{'<start_of_turn>model\\n'}}{%- endif -%}
""",
    # A macro with a caller, a call block, a filter block, with, set blocks, break and continue, nested loops.
    """
{% macro section(title, level=1) -%}
    {{ '#' * level }} {{ title }}{{ ' (' ~ varargs|join('/') ~ ')' if varargs }}{{ kwargs if kwargs }}
{{ caller(level + 1) if caller is defined }}
{%- endmacro %}
{% call(depth) section('Tools', 2, 'a', 'b', x=1) -%}
  {% for tool in tools recursive %}{{ depth }}:{{ tool.function.name }}{% endfor %}
{%- endcall %}
{% filter upper | replace('E', '3') %}{% with a = 1, b = messages|length %}{{ a }}/{{ b }} pieces{% endwith %}{% endfilter %}
{% set body | trim | indent(2, true) %}

 first
second

{% endset %}{{ body }}|
{% set found = [] %}
{% for m in messages %}
{%   if m.role == 'tool' %}{% continue %}{% endif %}
{%   set found = found + [m.role] %}{{ found }}
{%   for c in m.content %}{% if loop.index > 2 %}{% break %}{% endif %}{{ c }}{% else %}none{% endfor %}
{%   if loop.index0 == 5 %}{% break %}{% endif %}
{% endfor %}{{ found }}
""",
    """
{%- set x = 1 %}
{%- for i in range(3) %}{% if i == 1 %}{% set x = x + 10 %}{% endif %}{{ x }},{% set x = 5 %}{{ x }};{% endfor %}{{ x }}
{%- if true %}{% set x = 2 %}{% endif %}{{ x }}
{%- macro show() %}{{ x }}{{ messages|length }}{% set x = 9 %}{{ x }}{% endmacro %}{{ show() }}{{ x }}
{%- set ns = namespace(n=0, **{'m': 2}) %}{% for i in [1, 2, 3] %}{% set ns.n = ns.n + i * ns.m %}{% endfor %}{{ ns.n }}{{ ns }}
{%- for key in {'b': 1, 'a': 2} %}{{ key }}{% endfor %}{% for a, (b, c) in [(1, (2, 3))] %}{{ a + b + c }}{% endfor %}
{%- for x in [] %}{{ x }}{% else %}empty{{ x }}{% endfor %}{{ x }}
""",
    # Recursion over a tree, the generation tag, whitespace signs.
    """
{% set tree = [{'n': 'a', 'c': [{'n': 'b', 'c': []}, {'n': 'c', 'c': [{'n': 'd', 'c': []}]}]}] %}
{%- for item in tree recursive %}{{ loop.depth }}{{ item.n }}{% if item.c %}({{ loop(item.c) }}){% endif %}{{ ',' if not loop.last }}{% endfor %}

  {%+ if true %} kept {%+ endif +%}
  {%- for m in messages[:2] -%}
    {% generation %}  {{ m.role }}  {% set leaked = 1 %}{% endgeneration %}{{ leaked is defined }}
  {%- endfor %}
{# a comment
   over lines #}
    {# indented #}
  {% raw %}{{ not rendered }} {% if %}{% endraw %}
  {%- raw %} a {% endraw -%}
end
""",
    # Keys in order, numbers as they are written, XML-like calls.
    """
{%- macro render_extra_keys(json_dict, handled_keys) -%}
    {%- if json_dict is mapping %}
        {%- for json_key in json_dict if json_key not in handled_keys %}
            {%- if json_dict[json_key] is mapping or (json_dict[json_key] is sequence and json_dict[json_key] is not string) %}
                {{- '\\n<' ~ json_key ~ '>' ~ (json_dict[json_key] | tojson | safe) ~ '</' ~ json_key ~ '>' }}
            {%- else %}
                {{-'\\n<' ~ json_key ~ '>' ~ (json_dict[json_key] | string) ~ '</' ~ json_key ~ '>' }}
            {%- endif %}
        {%- endfor %}
    {%- endif %}
{%- endmacro -%}
{%- for tool in tools %}
    {%- set f = tool.function %}
    {%- for param_name, param_fields in f.parameters.properties|items %}
        {{- '\\n<parameter><name>' ~ param_name ~ '</name>' }}
        {%- set handled_keys = ['name', 'type', 'description'] %}
        {{- render_extra_keys(param_fields, handled_keys) }}</parameter>
    {%- endfor %}
    {{- render_extra_keys(f.parameters, ['type', 'properties']) }}
{%- endfor %}
{%- for call in messages[2].tool_calls %}
    {%- for args_name, args_value in call.function.arguments|items %}
        {%- set args_value = args_value if args_value is string else args_value | tojson | safe %}
        {{- '<parameter=' + args_name + '>\\n' + args_value + '\\n</parameter>\\n' }}
    {%- endfor %}
    {{ call.function.arguments }}{{ call }}
{%- endfor %}
""",
]

EXPRESSIONS = r"""
true
false
none
True and None
[1, 'a', "it's", none, true, 1.0]
{'a': [1, {'b': none}], "q\"": 'x'}
(1,)
()
messages[0]
messages[-1].content
tools
tools[0].function.parameters.properties.nested
messages[2].tool_calls[0].function.arguments
messages[2].tool_calls[0].function.arguments.scale
messages | map(attribute='role') | list
messages | map(attribute='role') | unique | join(', ')
messages | selectattr('role', 'equalto', 'user') | list | length
messages | selectattr('tool_calls', 'defined') | map(attribute='role') | list
messages | rejectattr('role', 'in', ['user', 'system']) | map(attribute='role') | join('|')
messages | groupby('role') | map('first') | list
messages[1:] | first
(messages | last).role
messages[::2] | map(attribute='role') | list
messages[-2:] | map(attribute='role') | list
messages[10:] | list
messages | length > 3 and messages[0].role == 'system'
messages[1].content | length
messages[1].content[:20]
messages[1].content[::-1]
messages[1].content[-2]
messages[1].content | upper
messages[0].content | trim
messages[0].content.strip() + eos_token
'a' ~ 1 ~ none ~ true ~ [1] ~ 2.0
'1' == 1
[] == []
{} == {}
[1, 2] == [1, 2.0]
1 == 1.0 == true
'a' < 'b' < 'c'
3 > 2 >= 2 != 1
-7 % 3
-7 // 2
7 // 2.0
-7.5 % 2
7 / 2
6 / 2
2 ** 10
2 ** -1
2 ** 3 ** 2
-2 ** 2
10 ** 20
12345678901234567890 + 1
9007199254740993 * 3
1e16
1e15
0.1 + 0.2
1 / 3
100 * 1.1
1e-5
5 % 3 ~ 'x'
'%s is %d (%.2f%%)' % ('x', 3, 4.5)
'{} {:>5} {:.1f} {a!r}'.format('x', 'y', 2.25, a='z')
'ab' * 3
[0] * 3
'a' in 'abc' and 'x' not in ['y']
'role' in messages[0]
not 'zz' in messages[0]
1 in [true]
messages[0].role in ('system', 'developer')
missing
missing is defined
missing | default('d')
missing or 'fallback'
messages[0].missing is none
messages[0].tool_calls is defined and messages[0].tool_calls
messages[0]['missing']
'yes' if missing else 'no'
'yes' if missing
(messages[0].content or '') + (missing or '')
messages is iterable
messages is sequence and messages is not mapping
messages[0] is mapping
messages[0].content is string
1 is number and 1.5 is float and 1 is integer and true is not integer
true is boolean
none is none
range(3) | list
range(10, 0, -3) | list
range(3)
messages[0] | dictsort
{'b': 1, 'a': 2} | dictsort(by='value')
{'b': 1, 'a': 2}.items()
{'b': 1, 'a': 2}.keys() | list
{'b': 1, 'a': 2}.values()
{'10': 1, '2': 2, 'x': 3}
{1: 'a', true: 'b', 1.0: 'c'}
{'a': 1}.get('b')
{'a': 1}.get('b', 'c')
{'items': 1}['items']
dict(a=1, b=[2])
namespace(a=1).a
[3, 1, 2] | sort
[3, 1, 2] | sort(reverse=true) | join
['b', 'A', 'c'] | sort
['b', 'A', 'c'] | sort(case_sensitive=true)
[1, 2, 3] | sum
[1.5, 2] | sum
[[1], [2]] | sum(start=[])
[1, 2, 3] | max
[] | min
[1, 2, 3, 4, 5] | batch(2) | list
[1, 2, 3, 4, 5] | slice(2) | list
[1, 2, 3] | reverse | list
'abc' | reverse
'abc' | list
'hello world' | title
'hELLO' | capitalize
'a,b,c'.split(',')
' a  b '.split()
'a.b.c'.rsplit('.', 1)
'a.b.c'.partition('.')
'a\nb\n'.splitlines()
'abc'.find('c')
'abc'.replace('b', 'x')
'Abc'.lower() ~ 'Abc'.upper() ~ 'abc'.title()
'a-b' | replace('-', '_')
'x'.join(['a', 'b'])
['a', 1, none] | join('-')
[{'n': 1}, {'n': 2}] | map(attribute='n') | sum
[{'n': 1}, {}] | map(attribute='n', default=0) | list
['a', 'b'] | map('upper') | list
[0, 1, '', 'x'] | select | list
[1, 2, 3] | select('odd') | list
'3.7' | float
'3.7' | int
'x' | int(9)
3.7 | int
2.5 | round
2.567 | round(1)
2.5 | round(0, 'ceil')
42 | string
42 | string | length
-3 | abs
'a b' | urlencode
'<b>' | escape
'<b>' | e ~ '<i>'
('<b>' | safe) + '<i>'
'a\tb' | tojson
'ü 🌈 </script> \u2028' | tojson
'ü 🌈' | tojson(ensure_ascii=true)
tools | tojson
tools | tojson(indent=2)
{'b': 1, 'a': [1.0, 1e16, none, true]} | tojson(sort_keys=true)
{'b': 1, 'a': {}} | tojson(separators=(',', ':'))
{1: 2, none: 3, true: 4, 1.5: 5} | tojson
[] | tojson(indent=2) ~ {} | tojson(indent=2)
(1, 2) | tojson
'line one\nline two' | indent(4)
'line one\n\nline two' | indent(4, true)
'a long sentence that is cut' | truncate(12)
'a b c' | wordcount
1000000 | filesizeformat
'x' | center(5) ~ '|'
messages | tojson | length
'implicit ' 'concatenation'
'\x41\u00e9\101\q'
1_000
0xff + 0b11 + 0o17
[1, 2, 3,]
{'a': 1,}
(1, 2, 3)[1]
[1, 2][true]
'abc'[1]
'abc'[9]
[1, 2].append(3)
[1, 2].append is defined
{}.update({'a': 1})
missing.attribute
none.attribute
1 + 'a'
'a' + 1
[1] < ['a']
1 < 'a'
{}[[]]
[1, 2] | nofilter
raise_exception('stop here')
range(100001) | length
1 // 0
'abc'.index('z')
missing + 1
undefined_function()
messages | tojson(indent=missing)
missing | tojson
loop
"""
