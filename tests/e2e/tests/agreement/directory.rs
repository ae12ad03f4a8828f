//! Operations of operators on lines and sessions.

use aikagi_api::authentication::v1::OpenSession;
use aikagi_model::rules::Number;

use super::operation::Who;
use super::play::{Agreed, Play};

impl Play<'_> {
    pub(super) async fn get_line(&mut self, who: Who) -> Agreed {
        let number = self.cast[who];
        let system = self.run.operator.line(number).await;
        let model = self.model.get_line(number);
        self.agree("get line", number, system, &model)?;
        Ok(())
    }

    pub(super) async fn add_line(&mut self, numbers: &[(Who, bool)]) -> Agreed {
        let named = |(who, subscribed): &(Who, bool)| (self.cast[*who], *subscribed);
        let numbers: Vec<(Number, bool)> = numbers.iter().map(named).collect();
        let system = self.run.operator.add_line(&numbers).await;
        let model = self.model.add_line(&numbers);
        self.agree("add line", &format!("{numbers:?}"), system, &model)?;
        Ok(())
    }

    pub(super) async fn close_line(&mut self, who: Who) -> Agreed {
        let number = self.cast[who];
        let system = self.run.operator.close_line(number).await;
        let model = self.model.close_line(number);
        self.agree("close line", number, system, &model)?;
        Ok(())
    }

    pub(super) async fn add_number(&mut self, line: Who, new: Who, subscribed: bool) -> Agreed {
        let (line, new) = (self.cast[line], self.cast[new]);
        let operator = &self.run.operator;
        let system = operator.add_number(line, new, subscribed).await;
        let model = self.model.add_number(line, new, subscribed);
        let details = format!("{new} to {line}, subscribed: {subscribed}");
        self.agree("add number", &details, system, &model)?;
        Ok(())
    }

    pub(super) async fn remove_number(&mut self, who: Who) -> Agreed {
        let number = self.cast[who];
        let system = self.run.operator.remove_number(number).await;
        let model = self.model.remove_number(number);
        self.agree("remove number", number, system, &model)?;
        Ok(())
    }

    pub(super) async fn subscribe(&mut self, who: Who, wanted: bool) -> Agreed {
        let number = self.cast[who];
        let operator = &self.run.operator;
        let (what, system) = if wanted {
            ("subscribe", operator.subscribe(number).await)
        } else {
            ("unsubscribe", operator.unsubscribe(number).await)
        };
        let model = self.model.subscribe(number, wanted);
        self.agree(what, number, system, &model)?;
        Ok(())
    }

    pub(super) async fn reset_unit(&mut self, who: Who) -> Agreed {
        let number = self.cast[who];
        let system = self.run.operator.reset_unit(number).await;
        let model = self.model.reset_unit(number);
        self.agree("reset unit", number, system, &model)?;
        Ok(())
    }

    pub(super) async fn explain(&mut self, who: Who) -> Agreed {
        let number = self.cast[who];
        let system = self.run.operator.explain(number).await;
        let system = system.map(|answer| answer.verdict().as_str_name().to_owned());
        let model = self.model.explain(number).as_str_name().to_owned();
        self.agree("explain", number, system, &Ok(model))?;
        Ok(())
    }

    pub(super) async fn end_sessions(&mut self, who: Who) -> Agreed {
        let number = self.cast[who];
        let system = self.run.operator.end_sessions(number).await;
        let model = self.model.end_sessions(number);
        self.agree("end sessions", number, system, &model)?;
        Ok(())
    }

    pub(super) async fn list_sessions(&mut self, who: Who) -> Agreed {
        let number = self.cast[who];
        let system = self.run.operator.sessions(number).await.map(in_order);
        let model = self.model.list_sessions(number).map(in_order);
        self.agree("list sessions", number, system, &model)?;
        Ok(())
    }
}

/// Sorts sessions; those opened at the same moment are sorted by their other fields.
fn in_order(mut sessions: Vec<OpenSession>) -> Vec<OpenSession> {
    let seconds = |time: Option<prost_types::Timestamp>| time.map(|time| time.seconds);
    sessions.sort_by_key(|session| {
        (
            seconds(session.open_time),
            seconds(session.idle_expire_time),
            seconds(session.expire_time),
            session.must_change_reason,
        )
    });
    sessions
}
