"""What is said on a LIVE: comments, emotes, questions, captions, and what moderators delete."""

from __future__ import annotations

from typing import Any

from msgspec import UNSET

from live.protocol.frames import (
    Caption,
    CaptionText,
    Comment,
    Delete,
    Emote,
    EmoteMessage,
    FrameType,
    Question,
)
from live.tiktok.people import sender_of, user_of
from live.tiktok.values import Built, id_text, known, picture_of, time_ms

__all__ = ["caption", "comment", "delete", "emote", "question"]

# What TikTok sends for a language that it did not recognise.
_UNKNOWN_LANGUAGE = "un"


def comment(message: Any) -> Built:
    """A comment, of a decoded `WebcastChatMessage`."""
    mentions = [user_of(user) for user in message.mention_users]
    if message.HasField("at_user") and (mentioned := user_of(message.at_user)) not in mentions:
        mentions.append(mentioned)
    language = message.content_language
    return FrameType.COMMENT, Comment(
        sender_of(message),
        message.content,
        [
            Emote(placed.emote.emote_id, picture_of(placed.emote.image), placed.index)
            for placed in message.emotes
        ],
        mentions,
        language if language and language != _UNKNOWN_LANGUAGE else UNSET,
    )


def emote(message: Any) -> Built:
    """A comment of emotes alone, of a decoded `WebcastEmoteChatMessage`."""
    emotes = [Emote(emote.emote_id, picture_of(emote.image)) for emote in message.emote_list]
    return FrameType.EMOTE, EmoteMessage(sender_of(message), emotes)


def question(message: Any) -> Built:
    """A question to the host, of a decoded `WebcastQuestionNewMessage`."""
    asked = message.data
    return FrameType.QUESTION, Question(
        id_text(asked.question_id), user_of(asked.user), asked.content
    )


def caption(message: Any) -> Built:
    """A sentence that TikTok understood of what is spoken, of a decoded `WebcastCaptionMessage`."""
    return FrameType.CAPTION, Caption(
        id_text(message.sentence_id),
        [CaptionText(content.lang, content.content) for content in message.content],
        message.definite,
        time_ms(message.timestamp_ms),
        known(message.duration_ms),
    )


def delete(message: Any) -> Built:
    """What a moderator deleted: messages, or all of some users, of a `WebcastImDeleteMessage`."""
    return FrameType.DELETE, Delete(
        [id_text(number) for number in message.delete_msg_ids],
        [id_text(number) for number in message.delete_user_ids],
    )
